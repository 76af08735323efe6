/**
 * The provider's refusals: their codes are in its documentation; their statuses and some texts as its clients' issues
 * show them (412 `error during placement`).
 */
const statuses = {
  json_error: 400,
  unauthorized: 401,
  forbidden: 403,
  token_readonly: 403,
  resource_limit_exceeded: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  uniqueness_error: 409,
  server_not_stopped: 412,
  placement_error: 412,
  resource_unavailable: 412,
  invalid_input: 422,
  invalid_server_type: 422,
  ip_not_available: 422,
  no_subnet_available: 422,
  networks_overlap: 422,
  primary_ip_assigned: 422,
  primary_ip_version_mismatch: 422,
  primary_ip_datacenter_mismatch: 422,
  server_already_attached: 422,
  server_already_added: 422,
  firewall_already_applied: 422,
  firewall_resource_not_found: 422,
  resource_in_use: 422,
  volume_already_attached: 422,
  unsupported_error: 422,
  target_already_defined: 422,
  locked: 423,
  protected: 423,
  resource_locked: 423,
  rate_limit_exceeded: 429,
  server_error: 500,
  service_error: 500,
  bad_gateway: 502,
  maintenance: 503,
  timeout: 504,
} as const;

export type ErrorCode = keyof typeof statuses;

export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, details: unknown = null) {
    super(message);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return statuses[this.code];
  }

  get body() {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

export function notFound(what: string, id: number | string): ApiError {
  return new ApiError('not_found', `${what} with ID '${id}' not found`);
}

export function invalidInput(field: string, message: string): ApiError {
  const details = { fields: [{ name: field, messages: [message] }] };
  return new ApiError('invalid_input', `invalid input in field '${field}'`, details);
}

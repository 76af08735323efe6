import messages from '@pulumi/pulumi/proto/provider_pb.js';

/**
 * The engine asks for what a program takes over (`import`) without any state, as there is none yet. The SDK's own server of
 * providers takes that for a mistake; the official plugins, which are not made with it, do not.
 */
export function allowTakingOver(): void {
  const { prototype } = messages.ReadRequest;
  // oxlint-disable-next-line typescript/unbound-method -- called with its object below
  const given = prototype.getProperties;
  prototype.getProperties = function (this: InstanceType<typeof messages.ReadRequest>) {
    const empty = { toJavaScript: () => ({}) };
    return given.call(this) ?? (empty as unknown as ReturnType<typeof given>);
  };
}

import { isAbsolute } from 'node:path';
import { z } from 'zod';

const portNumber = z.number().int().min(1).max(65_535);

const schema = z
  .strictObject({
    /** `user@host`, or `host`: a name, an address, or a `Host` of ~/.ssh/config. */
    host: z.string().regex(/^(?:[^\s@:/-][^\s@:/]*@)?[\w.:%][\w.:%-]*$/, 'must be host or user@host'),
    port: portNumber.optional(),
    /** A private key, besides those of the SSH agent and of ~/.ssh/config. */
    identityFile: z.string().min(1).optional(),
    /** Hosts to go through, as ProxyJump has them. */
    jump: z.string().min(1).optional(),
    /** Where deployments get their folders, one each. */
    folder: z.string().refine(isAbsolute, 'must be an absolute path').optional(),
    /** The one key that the host has: "ssh-ed25519 AAAA…"; without it, known_hosts must know it. */
    hostKey: z
      .string()
      .regex(/^(ssh|ecdsa)-\S+ [A-Za-z0-9+/=]+/, 'must be a public key, as in known_hosts')
      .optional(),
    portRange: z
      .strictObject({ from: portNumber, to: portNumber })
      .refine((range) => range.from <= range.to, 'from must not be above to')
      .default({ from: 20_000, to: 29_999 }),
  })
  .transform(({ host: given, ...rest }) => {
    const at = given.lastIndexOf('@');
    return { ...rest, user: at < 0 ? undefined : given.slice(0, at), host: given.slice(at + 1) };
  });

export type SshOptions = z.output<typeof schema>;

/** `ssh: ops@host` means: that host, with the defaults. */
export const sshOptions = z.preprocess(
  (given) => (typeof given === 'string' ? { host: given } : given),
  schema,
);

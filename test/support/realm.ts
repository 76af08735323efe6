import { types } from 'node:util';

/**
 * Tests run in a realm of their own, where an error of Node is no `instanceof Error`, and SDKs hide what they take for
 * none. Outside of tests there is one realm; this makes it look so.
 */
export function takeNodesErrorsForErrors(): void {
  const inherited = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(Error, Symbol.hasInstance, {
    value(this: unknown, one: unknown) {
      return this === Error ? types.isNativeError(one) : inherited.call(this as typeof Error, one);
    },
  });
}

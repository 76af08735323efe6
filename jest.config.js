// Native ES modules, types stripped by swc; type errors are `npm run typecheck`'s business.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.tools'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  maxWorkers: 2,
  globalTeardown: '<rootDir>/test/support/say-what-stays-open.js',
  // Long enough for a machine that has other things to do: what hangs, hangs for ever.
  testTimeout: 180_000,
};

import { expect, test } from '@jest/globals';
import { condense } from '../../src/relocation/pulumi-diagnostics.ts';

const urn = 'urn:pulumi:blue::relocate::relocate:local:Folder::folder';

test('a failure names the resource and the reason, once and plainly', () => {
  const error = condense(
    'Provisioning',
    [
      {
        urn: 'urn:pulumi:blue::relocate::pulumi:pulumi:Stack::relocate-blue',
        message: '<{%reset%}>update failed<{%reset%}>\n',
      },
      { urn, message: '<{%fg 1%}>error: <{%reset%}>the folder is not empty\n    at create (file.js:1:1)\n' },
    ],
    'code: 255',
    [],
  );
  expect(error).toMatchObject({
    code: 'provision-failed',
    message: 'Provisioning failed at folder: the folder is not empty',
    facts: { resource: 'folder' },
  });
});

test('a provider that quotes a secret is not quoted', () => {
  const error = condense('Provisioning', [{ urn, message: 'bad key hunter2-and-more' }], '', [
    'hunter2-and-more',
  ]);
  expect(error.message).not.toContain('hunter2');
});

test('a failure without diagnostics says the last thing that was heard', () => {
  expect(condense('Destroying', [], 'code: 1\nstderr: no space left on device\n', []).message).toContain(
    'no space left on device',
  );
});

test('a wrong passphrase is told apart', () => {
  expect(condense('Opening', [], 'error: getting stack: incorrect passphrase', [])).toMatchObject({
    code: 'wrong-password',
  });
});

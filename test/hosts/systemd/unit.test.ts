import { describe, expect, test } from '@jest/globals';
import { caddyfile } from '../../../src/hosts/front-door.ts';
import { environmentText, unitText, type UnitSpec } from '../../../src/hosts/systemd/unit.ts';
import { stateFrom } from '../../../src/hosts/systemd/units.ts';

const spec: UnitSpec = {
  deployment: 'notes-hetzner-20260131t120000',
  name: 'web',
  description: 'web of notes',
  user: 'relocate-notes',
  command: ['/bin/sh', '-c', 'exec ./serve --rate 50% "$PORT" \\ end'],
  cwd: '/srv/relocate/notes/code',
  writable: ['/srv/relocate/notes'],
  environment: { PORT: '8000' },
};

describe('a unit', () => {
  test('says its command so that systemd adds nothing to it and takes nothing away', () => {
    expect(unitText(spec)).toContain(
      String.raw`ExecStart="/bin/sh" "-c" "exec ./serve --rate 50%% \"$$PORT\" \\ end"`,
    );
  });

  test('holds no value of its environment', () => {
    const text = unitText({ ...spec, environment: { PASSWORD: 'hunter2' } });
    expect(text).not.toContain('hunter2');
    expect(text).toContain(`EnvironmentFile=/etc/relocate/${spec.deployment}/web.env`);
  });

  test('may look at home folders only where the app lies in one', () => {
    expect(unitText(spec)).toContain('ProtectHome=yes');
    expect(unitText({ ...spec, writable: ['/home/ops/notes'] })).toContain('ProtectHome=no');
  });

  test.each([
    ['a line break in its folder', { cwd: '/srv/a\nUser=root' }],
    ['a line break in its description', { description: 'x\nExecStartPre=/bin/false' }],
    ['a zero in its command', { command: ['a\0b'] }],
  ])('is refused with %s: a hostile snapshot would be root', (_, part) => {
    expect(() => unitText({ ...spec, ...part })).toThrow('cannot be told');
  });

  test.each([
    ['a name that is none', { 'A=B\nC': 'x' }],
    ['a zero', { A: 'secret\0' }],
  ])('has no variable with %s, and does not say its value', (_, environment) => {
    expect(() => environmentText(environment)).toThrow(/cannot be told of the variable [^s]*\.$/);
  });
});

describe('what systemd shows of a unit', () => {
  const shown = (active: string, sub: string, more = '') =>
    `LoadState=loaded\nActiveState=${active}\nSubState=${sub}\nMainPID=${active === 'active' ? 77 : 0}\n` +
    `NRestarts=2\nResult=success\nExecMainStatus=0\nActiveEnterTimestampMonotonic=5000000\n${more}`;
  const state = (text: string) => stateFrom('web', 'u.service', text, 10, Date.UTC(2026, 0, 31, 12, 0, 10));

  test('is told in our words', () => {
    expect(state(shown('active', 'running'))).toMatchObject({
      state: 'running',
      pid: 77,
      restarts: 2,
      since: '2026-01-31T12:00:05.000Z',
    });
    expect(state(shown('activating', 'auto-restart')).state).toBe('backing-off');
    expect(state(shown('failed', 'failed', 'Result=exit-code\nExecMainStatus=1\n'))).toMatchObject({
      state: 'crash-looping',
      lastExit: 'exit-code, exit code 1',
      pid: undefined,
    });
    expect(state('LoadState=not-found\nActiveState=inactive\nSubState=dead\n').state).toBe('stopped');
  });
});

describe('the front door', () => {
  const door = { names: ['notes.example.org'], upstreamPort: 8000, folder: '/srv/relocate/notes/front-door' };

  test('serves in clear under any name, and each name with a certificate', () => {
    const text = caddyfile(door);
    expect(text).toContain('http:// {');
    expect(text).toContain('notes.example.org {');
    expect(text).toContain('disable_redirects');
    expect(caddyfile({ ...door, names: [] })).not.toContain('example');
  });

  test.each(['notes.example.org {', 'a', '-a.b', 'a..b', 'a\nb.c', '{$HOME}.x'])(
    'takes no name like %j',
    (name) => {
      expect(() => caddyfile({ ...door, names: [name] })).toThrow('no name of a host');
    },
  );
});

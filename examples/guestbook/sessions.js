// Who is signed in, in Redis: a random word in a cookie, and the name behind it.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const lifetimeSeconds = 30 * 86_400;
const wordPattern = /^[0-9a-f]{32}$/;

export function openSessions(url) {
  const { hostname, port } = new URL(url);
  const ask = (...words) => askRedis({ host: hostname, port: Number(port || 6379) }, words);
  return {
    /** The word for the cookie. */
    async start(name) {
      const word = randomBytes(16).toString('hex');
      await ask('SET', `session:${word}`, name, 'EX', String(lifetimeSeconds));
      return word;
    },
    /** The name, or null where the cookie leads to nobody. */
    find: async (word) => (wordPattern.test(word ?? '') ? ask('GET', `session:${word}`) : null),
  };
}

/** A connection for each question is enough for a guestbook. */
async function askRedis(place, words) {
  const socket = connect(place);
  socket.setTimeout(5_000, () => socket.destroy(new Error('Redis does not answer')));
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  socket.write(`*${words.length}\r\n${parts.join('')}`);
  let answer = Buffer.alloc(0);
  // The connection is closed when the loop is left.
  for await (const chunk of socket) {
    answer = Buffer.concat([answer, chunk]);
    const reply = parseReply(answer);
    if (reply !== undefined) return reply;
  }
  throw new Error('Redis ended the connection');
}

/** Of a simple string, an error or a bulk string; undefined while a part of it is missing. */
function parseReply(answer) {
  const end = answer.indexOf('\r\n');
  if (end === -1) return undefined;
  const line = answer.subarray(1, end).toString();
  if (answer[0] === 0x2d) throw new Error(`Redis: ${line}`);
  if (answer[0] !== 0x24) return line;
  const length = Number(line);
  if (length === -1) return null;
  const start = end + 2;
  return answer.length < start + length + 2 ? undefined : answer.subarray(start, start + length).toString();
}

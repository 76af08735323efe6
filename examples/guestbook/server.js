// The guestbook: entries in PostgreSQL, pictures in a folder, visits in SQLite, sessions in Redis where there is one.
import { createServer } from 'node:http';
import { openEntries } from './entries.js';
import { openPictures } from './pictures.js';
import { openVisits } from './visits.js';
import { bookPage } from './page.js';
import { openSessions } from './sessions.js';

const { DATABASE_URL, UPLOADS_DIR = './uploads', VISITS_DB = './visits.sqlite', REDIS_URL } = process.env;
const { HOST = '127.0.0.1', PORT = '8080' } = process.env;
const entries = await openEntries(DATABASE_URL);
const pictures = await openPictures(UPLOADS_DIR);
const visits = openVisits(VISITS_DB);
const sessions = REDIS_URL === undefined ? undefined : openSessions(REDIS_URL);

const maxEntryBytes = 64 * 1024;
const maxPictureBytes = 8 * 1024 * 1024;
const entriesPerPage = 50;

const routes = {
  'GET /': async (_request, response) => {
    const count = visits.add();
    const [total, newest] = await Promise.all([entries.count(), entries.newest(entriesPerPage)]);
    send(response, 200, 'text/html; charset=utf-8', bookPage({ entries: newest, total, visits: count }));
  },
  'GET /healthz': async (_request, response) => {
    sendJson(response, 200, { status: 'ok', entries: await entries.count(), visits: visits.count() });
  },
  'GET /entries.json': async (_request, response, url) => {
    const limit = Math.min(Number(url.searchParams.get('limit') ?? 100), 1000);
    sendJson(response, 200, await entries.after(Number(url.searchParams.get('after') ?? 0), limit));
  },
  'GET /visits.json': (_request, response) => sendJson(response, 200, { visits: visits.count() }),
  'GET /session.json': async (request, response) => {
    const word = /(?:^|;\s*)session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    sendJson(response, 200, { name: (await sessions?.find(word)) ?? null });
  },
  'POST /session': async (request, response) => {
    if (sessions === undefined) throw refusal(404, 'nobody signs in here');
    const { name } = parseJson(await readBody(request, maxEntryBytes)) ?? {};
    if (!isText(name, 80)) throw refusal(400, 'name must be 1 to 80 characters');
    response.setHeader('set-cookie', `session=${await sessions.start(name)}; Path=/; HttpOnly; SameSite=Lax`);
    sendJson(response, 201, { name });
  },
  'POST /entries': async (request, response) => {
    const entry = parseEntry(await readBody(request, maxEntryBytes));
    if (entry.picture !== null && !(await pictures.has(entry.picture))) throw refusal(400, 'no such picture');
    sendJson(response, 201, await entries.add(entry));
  },
  'POST /pictures': async (request, response) => {
    const name = await pictures.add(await readBody(request, maxPictureBytes));
    if (name === undefined) throw refusal(415, 'not a PNG, JPEG, GIF or WebP picture');
    sendJson(response, 201, { picture: name });
  },
};

async function handle(request, response) {
  const url = new URL(request.url, 'http://guestbook');
  const route = routes[`${request.method} ${url.pathname}`];
  if (route !== undefined) return route(request, response, url);
  const picture = /^\/pictures\/([^/]+)$/.exec(url.pathname)?.[1];
  if (request.method === 'GET' && picture !== undefined) return sendPicture(response, picture);
  throw refusal(404, 'no such page');
}

async function sendPicture(response, name) {
  const picture = await pictures.read(name);
  if (picture === undefined) throw refusal(404, 'no such picture');
  response.setHeader('cache-control', 'public, max-age=31536000, immutable');
  send(response, 200, picture.type, picture.content);
}

function parseJson(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw refusal(400, 'it must be JSON');
  }
}

function parseEntry(body) {
  const { author, message, picture = null } = parseJson(body) ?? {};
  if (!isText(author, 80)) throw refusal(400, 'author must be 1 to 80 characters');
  if (!isText(message, 2000)) throw refusal(400, 'message must be 1 to 2000 characters');
  if (picture !== null && typeof picture !== 'string') throw refusal(400, 'picture must be a name or null');
  return { author, message, picture };
}

const isText = (value, maxLength) =>
  typeof value === 'string' && value.trim().length > 0 && value.length <= maxLength && !value.includes('\0');

async function readBody(request, maxBytes) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > maxBytes) throw refusal(413, `at most ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const refusal = (status, message) => Object.assign(new Error(message), { status });

function send(response, status, type, content) {
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' });
  response.end(content);
}

const sendJson = (response, status, value) =>
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(value));

async function answer(request, response) {
  try {
    await handle(request, response);
  } catch (error) {
    if (error.status === undefined) console.error(error);
    if (response.headersSent) response.destroy();
    else
      sendJson(response, error.status ?? 500, {
        error: error.status ? error.message : 'something went wrong',
      });
  }
}

const server = createServer((request, response) => void answer(request, response));

server.listen(Number(PORT), HOST, () => console.log(`guestbook on http://${HOST}:${PORT}`));

function stop() {
  // Requests under way are answered first.
  server.close(() => {
    visits.close();
    void entries.close();
  });
  server.closeIdleConnections();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

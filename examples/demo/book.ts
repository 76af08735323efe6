import assert from 'node:assert/strict';
import { drawPicture } from './picture.ts';

/** An entry as the guestbook answers it. */
interface Entry {
  id: number;
  author: string;
  message: string;
  picture: string | null;
  createdAt: string;
}

/** Everything that was ever sent to the app and acknowledged: what must be there afterwards. */
export interface Book {
  entries: Entry[];
  /** By name; the number draws the same picture again. */
  pictures: Map<string, number>;
  visits: number;
}

export const emptyBook = (): Book => ({ entries: [], pictures: new Map(), visits: 0 });

const writers = 8;
const authors = ['Ada', 'Zoë', 'Grace', 'Mary-Jane', 'Łukasz', 'Miguel', '小林', 'Ngozi'];
const thoughts = [
  'lovely place',
  'was here',
  'greetings from afar',
  'will be back',
  'what a view \u{1F304}',
  "it's “fine”",
];

/** Signs over HTTP, as people do, several at once; every entry gets a line of its own, some get a picture. */
export async function signBook(
  address: string,
  book: Book,
  plan: { entries: number; pictures: number; visits: number },
): Promise<void> {
  const first = book.entries.length;
  const every = Math.floor(plan.entries / plan.pictures);
  const numbers = Array.from({ length: plan.entries }, (_, index) => first + index).values();
  await sideBySide(writers, async () => {
    for (const number of numbers) {
      const wantsPicture = (number - first) % every === 0 && (number - first) / every < plan.pictures;
      const picture = wantsPicture ? await uploadPicture(address, book, number) : null;
      book.entries.push(
        await post<Entry>(`${address}/entries`, JSON.stringify({ ...words(number), picture })),
      );
    }
  });
  for (let visit = 0; visit < plan.visits; visit += 1) {
    await get(`${address}/`);
    book.visits += 1;
  }
}

async function uploadPicture(address: string, book: Book, number: number): Promise<string> {
  const { picture } = await post<{ picture: string }>(
    `${address}/pictures`,
    new Uint8Array(drawPicture(number)),
  );
  book.pictures.set(picture, number);
  return picture;
}

function words(number: number): { author: string; message: string } {
  const author = authors[number % authors.length] ?? '';
  const thought = thoughts[number % thoughts.length] ?? '';
  return {
    author,
    message: `No. ${number + 1}: ${thought}${number % 7 === 0 ? '\nP.S. say hello to everyone' : ''}`,
  };
}

/** Asks the app for every entry, picture and the count of visits. Throws at the first that is not as it was sent. */
export async function verifyBook(address: string, book: Book): Promise<void> {
  const expected = book.entries.toSorted((a, b) => a.id - b.id);
  const actual: Entry[] = [];
  for (;;) {
    const page = await getJson<Entry[]>(`${address}/entries.json?limit=1000&after=${actual.at(-1)?.id ?? 0}`);
    if (page.length === 0) break;
    actual.push(...page);
  }
  assert.equal(actual.length, expected.length, 'another number of entries came back');
  for (const [index, entry] of expected.entries()) assert.deepEqual(actual[index], entry);

  const pictures = book.pictures.entries();
  await sideBySide(writers, async () => {
    for (const [name, number] of pictures) {
      const content = await (await get(`${address}/pictures/${name}`)).bytes();
      assert.ok(drawPicture(number).equals(content), `picture ${name} is not as it was uploaded`);
    }
  });

  const { visits } = await getJson<{ visits: number }>(`${address}/visits.json`);
  assert.equal(visits, book.visits, 'another number of visits came back');
}

async function sideBySide(workers: number, work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: workers }, work));
}

async function post<T>(url: string, body: string | Uint8Array<ArrayBuffer>): Promise<T> {
  return (await answered(await fetch(url, { method: 'POST', body }))).json() as Promise<T>;
}

async function getJson<T>(url: string): Promise<T> {
  return (await get(url)).json() as Promise<T>;
}

async function get(url: string): Promise<Response> {
  return answered(await fetch(url));
}

async function answered(response: Response): Promise<Response> {
  if (response.ok) return response;
  throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
}

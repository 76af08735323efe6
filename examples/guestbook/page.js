// The one page people see.

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => escapes[character]);
const date = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const number = new Intl.NumberFormat('en');

export function bookPage({ entries, total, visits }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guestbook</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>Guestbook</h1>
<p>${number.format(total)} ${total === 1 ? 'entry' : 'entries'}, ${number.format(visits)} ${visits === 1 ? 'visit' : 'visits'}</p>
</header>
<main>
<form id="sign">
<label>Name <input name="author" required maxlength="80" autocomplete="name"></label>
<label>Message <textarea name="message" required maxlength="2000" rows="3"></textarea></label>
<label>Picture <input name="picture" type="file" accept="image/*"></label>
<button>Sign the book</button>
<p id="problem" role="alert"></p>
</form>
${entries.length === 0 ? '<p class="empty">Nobody has signed yet. Be the first.</p>' : entries.map(article).join('\n')}
${total > entries.length ? `<p class="empty">and ${number.format(total - entries.length)} earlier ones</p>` : ''}
</main>
<script type="module">${script}</script>
</body>
</html>
`;
}

function article({ author, message, picture, createdAt }) {
  const image = picture === null ? '' : `<img src="/pictures/${escape(picture)}" alt="" loading="lazy">`;
  return `<article>${image}<div><p>${escape(message)}</p>
<footer><strong>${escape(author)}</strong> <time datetime="${createdAt.toISOString()}">${date.format(createdAt)}</time></footer></div></article>`;
}

const style = `
:root { color-scheme: light dark; --ink: #22303c; --paper: #faf7f2; --card: #fff; --line: #e4ddd2; --accent: #b4532a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e4dd; --paper: #1d2126; --card: #262b31; --line: #3a4048; --accent: #e58a5f; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header, main { max-width: 42rem; margin: 0 auto; padding: 1rem; }
h1 { margin: 1rem 0 0; font: 600 2.2rem Georgia, serif; }
header p { margin: 0; opacity: .7; }
form, article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; margin-bottom: 1rem; }
form { display: grid; gap: .75rem; }
label { display: grid; gap: .25rem; font-size: .9rem; }
input, textarea { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: .5rem; }
button { justify-self: start; font: inherit; color: #fff; background: #a4481f; border: 0; border-radius: 6px; padding: .5rem 1rem; cursor: pointer; }
article { display: flex; gap: 1rem; align-items: flex-start; overflow-wrap: anywhere; }
article p { margin: 0 0 .5rem; white-space: pre-wrap; }
article img { width: 72px; height: 72px; object-fit: cover; border-radius: 6px; }
footer { font-size: .85rem; opacity: .8; }
#problem:empty { display: none; }
#problem { margin: 0; color: var(--accent); }
.empty { text-align: center; opacity: .7; }
`;

const script = `
const form = document.getElementById('sign');
const post = async (path, body) => {
  const response = await fetch(path, { method: 'POST', body });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
};
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { author, message, picture } = form.elements;
  try {
    const file = picture.files[0];
    const name = file ? (await post('/pictures', file)).picture : null;
    await post('/entries', JSON.stringify({ author: author.value, message: message.value, picture: name }));
    location.reload();
  } catch (error) {
    document.getElementById('problem').textContent = error.message;
  }
});
`;

import { html, Markup } from './markup.ts';
import { style } from './style.ts';

// Styles stand in the file itself; nothing may be loaded, sent, or run, whatever stands in the text.
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** One file that needs no other. */
export function page(title: string, content: Markup, footer: Markup): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        <style>
          ${new Markup(style)}
        </style>
      </head>
      <body>
        <main>${content}</main>
        <footer><p>${footer}</p></footer>
      </body>
    </html> `.text;
}

/** An SQL identifier, whatever it holds: quotes, spaces, capitals, any script. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal that reads the same whatever standard_conforming_strings says. */
export function quoteLiteral(value: string): string {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return value.includes('\\') ? ` E${quoted}` : quoted;
}

/** Wraps a block of SQL in dollar quotes with a tag that does not occur in it. */
export function dollarQuote(text: string): string {
  let tag = '$relocate$';
  for (let attempt = 1; text.includes(tag); attempt++) tag = `$relocate${attempt}$`;
  return `${tag}${text}${tag}`;
}

/** A database's name as PostgreSQL's programs take it after -d: one with an equals sign would be read as something else. */
export function connectionText(database: string): string {
  if (/^[\w-]+$/.test(database)) return database;
  return `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** One word for a POSIX shell. */
export function quoteShell(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

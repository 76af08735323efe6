// When the page was looked at, in SQLite.
import { DatabaseSync } from 'node:sqlite';

export function openVisits(file) {
  const database = new DatabaseSync(file);
  database.exec('pragma journal_mode = wal');
  database.exec('create table if not exists visit (id integer primary key, at text not null)');
  const insert = database.prepare('insert into visit (at) values (?)');
  const count = database.prepare('select count(*) as count from visit');
  return {
    /** Returns how many there are with this one. */
    add() {
      insert.run(new Date().toISOString());
      return this.count();
    },
    count: () => Number(count.get().count),
    close: () => database.close(),
  };
}

CREATE EXTENSION hstore;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION citext;
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION pgcrypto;
CREATE EXTENSION ltree;
SET ROLE "App Owner";
CREATE SCHEMA "Sales Übersicht";
CREATE SCHEMA audit;

CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');
CREATE DOMAIN "Post Code" AS text CHECK (VALUE ~ '^[0-9]{5}$');
CREATE TYPE pair AS (a int, b text);

CREATE TABLE "Sales Übersicht"."Order ""Lines""" (
  "Id" bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 7) PRIMARY KEY,
  "the row" text NOT NULL,
  "select" mood DEFAULT 'happy',
  code "Post Code",
  tags hstore,
  email citext UNIQUE,
  raw bytea,
  amount numeric(20, 4),
  cash money,
  ratio double precision,
  at timestamptz DEFAULT now(),
  span interval,
  doc jsonb,
  p pair,
  path ltree,
  total numeric GENERATED ALWAYS AS (amount * 2) STORED
);
INSERT INTO "Sales Übersicht"."Order ""Lines""" ("the row", code, tags, email, raw, amount, cash, ratio, span, doc, p, path)
  SELECT 'line ' || i || E'\n\t\\ "quoted" ☃', lpad((i % 90000)::text, 5, '0'), hstore('k', i::text), 'User' || i || '@Example.org',
         decode(md5(i::text), 'hex'), i * 1.5, (i % 100)::money, 1.0 / (i + 1), make_interval(hours => i), jsonb_build_object('i', i),
         ROW (i, 'b')::pair, 'a.b.c'
    FROM generate_series(1, 3000) AS i;
CREATE INDEX "trgm index" ON "Sales Übersicht"."Order ""Lines""" USING gin ("the row" public.gin_trgm_ops);

-- Each refers to the other.
CREATE TABLE chicken (id int PRIMARY KEY, egg_id int);
CREATE TABLE egg (id int PRIMARY KEY, chicken_id int REFERENCES chicken DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE chicken ADD CONSTRAINT "from egg" FOREIGN KEY (egg_id) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO chicken SELECT i, i FROM generate_series(1, 100) i;
INSERT INTO egg SELECT i, i FROM generate_series(1, 100) i;
COMMIT;

CREATE TABLE measured (at date NOT NULL, value int) PARTITION BY RANGE (at);
CREATE TABLE measured_2025 PARTITION OF measured FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON measured (at);
INSERT INTO measured SELECT '2025-06-01'::date + i, i FROM generate_series(1, 400) i;

CREATE TABLE parent (id int);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO parent VALUES (1), (1), (NULL);
INSERT INTO child VALUES (2, 'two');

CREATE UNLOGGED TABLE cache (k text, v text);
INSERT INTO cache VALUES ('a', 'b');
CREATE TABLE "no columns" ();
INSERT INTO "no columns" DEFAULT VALUES;
CREATE TABLE t (t text);
INSERT INTO t VALUES ('a column called like its table');
CREATE TABLE dropped (a int, b text, c int);
INSERT INTO dropped VALUES (1, 'b', 3);
ALTER TABLE dropped DROP COLUMN b;

CREATE SEQUENCE "unused seq" START 42;
CREATE SEQUENCE down INCREMENT -1 MINVALUE -9223372036854775808 START -9223372036854775000;
SELECT nextval('down');

CREATE VIEW happy AS SELECT "Id", "the row" FROM "Sales Übersicht"."Order ""Lines""" WHERE "select" = 'happy';
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM happy;
CREATE MATERIALIZED VIEW unfilled AS SELECT count(*) AS n FROM happy WITH NO DATA;

CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER "on change" BEFORE UPDATE ON egg FOR EACH ROW EXECUTE FUNCTION audit.note();

CREATE TABLE secrets (owner name DEFAULT current_user, text text);
INSERT INTO secrets VALUES ('bob', 'for bob'), ('alice', 'for alice');
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets USING (owner = current_user);
GRANT SELECT ON secrets TO "read""only";
GRANT USAGE ON SCHEMA "Sales Übersicht" TO "read""only";
GRANT SELECT ("Id") ON "Sales Übersicht"."Order ""Lines""" TO bob;

SELECT lo_from_bytea(0, convert_to(repeat('large object ', 100000), 'UTF8'));
SELECT lo_from_bytea(0, ''::bytea);
SELECT lo_put(lo_create(777777), 3000000, 'after a hole of zeros');
RESET ROLE;
COMMENT ON DATABASE "Odd ""name"" = dbname" IS 'its comment: 100% "kept"';
ALTER DATABASE "Odd ""name"" = dbname" SET app.secret_key TO 'source-only';
ALTER DATABASE "Odd ""name"" = dbname" SET search_path TO public, "Sales Übersicht";
ALTER ROLE bob IN DATABASE "Odd ""name"" = dbname" SET work_mem TO '7MB';
REVOKE CONNECT ON DATABASE "Odd ""name"" = dbname" FROM PUBLIC;
GRANT CONNECT ON DATABASE "Odd ""name"" = dbname" TO "read""only";

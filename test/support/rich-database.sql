-- A database with most of what PostgreSQL has, under names that are as awkward as it allows.
CREATE ROLE "App Owner" LOGIN CREATEDB PASSWORD 'source-only';
ALTER ROLE "App Owner" SET work_mem TO '9MB';
CREATE ROLE "read""only" NOLOGIN;
CREATE ROLE bob LOGIN PASSWORD 'source-only' IN ROLE "read""only";
ALTER ROLE bob SET search_path TO "Sales Übersicht", public, '';
CREATE ROLE stranger LOGIN PASSWORD 'source-only';
CREATE DATABASE "Odd ""name"" = dbname" OWNER "App Owner" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';

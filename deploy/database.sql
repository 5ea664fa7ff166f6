-- Run once by the database of compose.yaml, as its superuser, on an empty volume.
--
-- thoraq's role owns its database and has no other rights: unlike a superuser it can neither read
-- the server's files nor run programs on it.
\getenv password POSTGRES_PASSWORD
CREATE ROLE thoraq LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'password';
CREATE DATABASE thoraq OWNER thoraq;
REVOKE ALL ON DATABASE thoraq FROM PUBLIC;
-- Remove the superuser's password, so that it can log in only from inside the container.
ALTER ROLE CURRENT_USER PASSWORD NULL;

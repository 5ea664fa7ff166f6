from __future__ import annotations
import os, sqlite3, subprocess, sys
from pathlib import Path
import pytest
from db import schema
from db.copies import back_up, restore
from db.database import Database
from tests.db.making import *

def test_a_older_replace(database, database_url, tmp_path):
    submit(database, [seen(n) for n in range(4)])
    database.dispose()
    schema.downgrade(database_url, "0002")
    back_up(database_url, tmp_path/"older")
    schema.upgrade(database_url)
    print(restore(database_url, tmp_path/"older", replace=True))
    assert schema.check(database_url).up_to_date

def test_b_foreign_alembic(sqlite_url, tmp_path):
    c = sqlite3.connect(tmp_path/"x.db"); c.executescript("create table alembic_version(version_num varchar); insert into alembic_version values('0001'); create table notes(a)"); c.commit(); c.close()
    before = Path(sqlite_url[10:]).stat().st_size
    try:
        restore(sqlite_url, tmp_path/"x.db", replace=True)
    finally:
        c=sqlite3.connect(sqlite_url[10:]); print("TABLES", [r[0] for r in c.execute("select name from sqlite_master where type='table'")])

def test_c_foreign_target(sqlite_url, tmp_path):
    back_up(sqlite_url, tmp_path/"copy")
    c = sqlite3.connect(tmp_path/"y.db"); c.executescript("create table notes(a)"); c.commit(); c.close()
    with pytest.raises(Exception): restore(f"sqlite:///{tmp_path/'y.db'}", tmp_path/"copy")

@pytest.mark.parametrize("how", ["garbage", "middle"])
def test_d_broken_target(sqlite_url, tmp_path, how):
    db = Database.open(sqlite_url); submit(db, [seen(n) for n in range(40)]); db.dispose()
    back_up(sqlite_url, tmp_path/"copy")
    p = Path(sqlite_url[10:]); b = p.read_bytes()
    p.write_bytes(b"x"*len(b) if how=="garbage" else b[:4096]+b"\xaa"*(len(b)-4096))
    print(restore(sqlite_url, tmp_path/"copy", replace=True))

def test_e_query_password(postgres_url, tmp_path):
    from db import copies
    seen_=[]
    real=subprocess.run
    copies.subprocess = type("S",(),{"run":staticmethod(lambda c,**k:(seen_.append(c),real(c,**k))[1])})
    try: back_up(postgres_url+("&" if "?" in postgres_url else "?")+"password=hunter2", tmp_path/"copy")
    finally: copies.subprocess=subprocess
    assert "hunter2" not in repr(seen_), seen_

def test_f_leftover(sqlite_url, tmp_path):
    (tmp_path/f".copy.{os.getpid()}.part").write_text("old")
    back_up(sqlite_url, tmp_path/"copy")

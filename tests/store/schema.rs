//! The schema: made by migrations, shown in `schema/`, never guessed at.

use std::fmt::Write as _;
use std::path::Path;

use diesel::{Connection as _, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use transom::model::NewApiToken;
use transom::store::{DatabaseUrl, Error, SealKey, Store};

use super::{NOW, device};
use crate::scenarios;
use crate::support::databases::{self, Direct, Engine, TestStore};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

scenarios!(
    the_schema_is_the_one_that_is_shown,
    migrations_go_up_and_down_and_up,
    opening_again_changes_nothing,
    a_schema_from_the_future_is_refused,
    another_key_is_refused,
);

async fn the_schema_is_the_one_that_is_shown(test: &TestStore) {
    let (name, schema) = match test.engine {
        Engine::Sqlite => ("sqlite.sql", sqlite_schema(&mut test.direct())),
        Engine::Postgres => ("postgres.sql", postgres_schema(&mut test.direct())),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
    if std::env::var("BLESS").as_deref() == Ok("1") {
        std::fs::write(&path, &schema).unwrap();
    }
    let shown = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == schema, "schema/{name} is not what the migrations make; BLESS=1 cargo test rewrites it");
}

const HEAD: &str =
    "-- The whole schema, as the migrations make it. Rewritten by BLESS=1 cargo test; a test compares.\n";

fn sqlite_schema(direct: &mut Direct) -> String {
    let statements = direct.texts(
        "SELECT sql AS text FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_\\_%' ESCAPE '\\' \
         ORDER BY tbl_name, type DESC, name",
    );
    statements.iter().fold(HEAD.to_owned(), |mut schema, statement| {
        let gap = if statement.starts_with("CREATE TABLE") { "\n" } else { "" };
        writeln!(schema, "{gap}{statement};").unwrap();
        schema
    })
}

fn postgres_schema(direct: &mut Direct) -> String {
    let tables = direct.texts(
        "SELECT relname::text AS text FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
         AND relkind = 'r' AND relname NOT LIKE '\\_\\_%' ORDER BY 1",
    );
    let mut schema = HEAD.to_owned();
    for table in tables {
        let columns = direct.texts(&format!(
            "SELECT '    ' || attname || ' ' || format_type(atttypid, atttypmod) \
             || CASE WHEN collname = 'C' THEN ' COLLATE \"C\"' ELSE '' END \
             || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS text \
             FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation \
             WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ));
        let constraints = direct.texts(&format!(
            "SELECT '    CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) AS text FROM pg_constraint \
             WHERE conrelid = '{table}'::regclass ORDER BY contype, conname"
        ));
        let indexes = direct.texts(&format!(
            "SELECT replace(pg_get_indexdef(indexrelid), current_schema() || '.', '') || ';' AS text FROM pg_index \
             WHERE indrelid = '{table}'::regclass \
             AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid) ORDER BY 1"
        ));
        let lines: Vec<String> = columns.into_iter().chain(constraints).collect();
        write!(schema, "\nCREATE TABLE {table} (\n{}\n);\n", lines.join(",\n")).unwrap();
        for index in indexes {
            writeln!(schema, "{index}").unwrap();
        }
    }
    schema
}

async fn migrations_go_up_and_down_and_up(test: &TestStore) {
    test.enroll("a").await;
    let objects = match test.engine {
        Engine::Sqlite => {
            "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE '\\_\\_%' ESCAPE '\\' \
                           AND name NOT LIKE 'sqlite%'"
        }
        Engine::Postgres => {
            "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
                             AND relkind = 'r' AND relname NOT LIKE '\\_\\_%'"
        }
    };
    assert!(test.direct().number(objects) > 10);
    match &test.url {
        DatabaseUrl::Sqlite(path) => {
            let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            connection.revert_all_migrations(SQLITE).unwrap();
        }
        DatabaseUrl::Postgres(url) => {
            PgConnection::establish(url).unwrap().revert_all_migrations(POSTGRES).unwrap();
        }
    }
    assert_eq!(test.direct().number(objects), 0, "what goes up comes down");
    let store = test.reopen();
    assert_eq!(store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap(), Vec::new());
}

async fn opening_again_changes_nothing(test: &TestStore) {
    test.enroll("a").await;
    let store = test.reopen();
    assert_eq!(store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap().len(), 1);
}

async fn a_schema_from_the_future_is_refused(test: &TestStore) {
    test.direct().execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231')");
    let refused = databases::open(&test.url).unwrap_err();
    assert!(matches!(&refused, Error::UnknownSchema(version) if version == "99991231"), "{refused:?}");
    assert!(refused.to_string().contains("hint:"));
    test.direct().execute("DELETE FROM __diesel_schema_migrations WHERE version = '99991231'");
    databases::open(&test.url).unwrap();
}

async fn another_key_is_refused(test: &TestStore) {
    let refused = Store::open(&test.url, SealKey::new([1; 32]), &databases::options()).unwrap_err();
    assert!(matches!(refused, Error::WrongKey), "{refused:?}");
    databases::open(&test.url).unwrap();
}

/// Opens the same empty database from several threads at once.
fn open_at_once(engine: Engine) {
    let Some((url, _place)) = databases::fresh(engine) else { return };
    let start = std::sync::Barrier::new(6);
    let stores: Vec<Store> = std::thread::scope(|scope| {
        let open = || {
            start.wait();
            databases::open(&url).unwrap()
        };
        let openers: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect()
    });
    databases::runtime().block_on(async {
        for (number, store) in stores.iter().enumerate() {
            let name = format!("token {number}");
            let hash = [u8::try_from(number).unwrap(); 32];
            store.write(move |tx| tx.create_token(&NewApiToken::admin(&name), &hash, NOW)).await.unwrap();
        }
        assert_eq!(stores[0].read(super::tokens).await.unwrap().len(), 6);
    });
}

#[test]
fn sqlite_can_be_opened_by_several_at_once() {
    open_at_once(Engine::Sqlite);
}

#[test]
fn postgres_can_be_opened_by_several_at_once() {
    open_at_once(Engine::Postgres);
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn a_place_that_can_not_be_is_told() {
    let nowhere = DatabaseUrl::Sqlite("/no/such/folder/transom.db".into());
    assert!(matches!(databases::open(&nowhere), Err(Error::Unavailable(_))));
    let nobody = "postgres://nobody@127.0.0.1:1/nothing".parse().unwrap();
    assert!(matches!(databases::open(&nobody), Err(Error::Unavailable(_))));
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (url, _place) = databases::fresh(Engine::Sqlite).unwrap();
    let _store = databases::open(&url).unwrap();
    let DatabaseUrl::Sqlite(path) = &url else { return };
    for suffix in ["", "-wal"] {
        let file = format!("{}{suffix}", path.display());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

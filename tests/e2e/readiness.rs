//! A database that is full, or only read, is noticed before a device is (T46).

use super::on_both;
use crate::support::databases::{Direct, Engine};
use crate::support::server::{Site, until};

on_both!(a_database_that_takes_nothing_is_not_ready);

async fn a_database_that_takes_nothing_is_not_ready(site: Site) {
    let server = site.serve();
    let operator = server.operator();
    let mut direct = Direct::connect(site.url());
    // What a full disk does, for a test that may do everything: reading works, and whatever is written is refused.
    let (full, room) = match site.engine {
        Engine::Sqlite => {
            let refusal = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
            let both =
                ["INSERT", "UPDATE"].map(|verb| format!("CREATE TRIGGER full_{verb} BEFORE {verb} ON meta {refusal};"));
            (both.concat(), "DROP TRIGGER full_INSERT; DROP TRIGGER full_UPDATE")
        }
        Engine::Postgres => {
            let function = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                            $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device'; END $$;";
            let trigger =
                "CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON meta FOR EACH ROW EXECUTE FUNCTION refuse()";
            (format!("{function} {trigger}"), "DROP TRIGGER no_room ON meta; DROP FUNCTION refuse()")
        }
    };
    direct.execute(&full);
    // What was found a moment ago, when the server was looked at by itself, is believed for some seconds.
    until("the server is not ready", async || (!operator.is_ready().await).then_some(())).await;
    direct.execute(room);
    until("the server is ready again", async || operator.is_ready().await.then_some(())).await;
}

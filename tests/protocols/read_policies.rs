//! Every RPC reads rows of the caller's organization only. The service's check of that is the `org_id` in every statement; here,
//! policies on reads check the statements: each row of another organization that a statement meets is an error. A mirror
//! organization has the same rows under the same keys, so that a statement without its `org_id` does meet them. On a server of
//! their own, because the policies of distributed tables are not those of their shards.

use super::foreign_ids::fresh_ids;
use super::samples::{request, wire};
use crate::support::{Cluster, Protocol, Rpc, World, methods};

/// Connections for requests have generic plans; background tasks read across organizations. A policy sees rows before the
/// conditions of a statement that are no part of an index, so small tables must not be scanned: every index that requests use
/// begins with the organization.
const POLICIES: &str = "
    CREATE FUNCTION is_readable(org uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
    BEGIN
        IF org <> current_org() AND current_setting('plan_cache_mode') = 'force_generic_plan' THEN
            RAISE 'a statement reads a row of another organization';
        END IF;
        RETURN true;
    END $$;
    ALTER DATABASE $database SET switchboard.org_id = '$org';
    ALTER DATABASE $database SET enable_seqscan = off;
    ALTER DATABASE $database SET enable_hashjoin = off;
    ALTER DATABASE $database SET enable_mergejoin = off";

const POLICY_TABLES: &str = "SELECT polrelid::regclass::text AS name FROM pg_policy WHERE polname = 'reads'";

/// Copies the rows of an organization to the mirror organization.
const MIRROR: &str = "
    SET session_replication_role = replica;
    DO $$
    DECLARE
        copy record;
    BEGIN
        FOR copy IN
            SELECT c.oid::regclass AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
            FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'reads'
            GROUP BY c.oid
        LOOP
            EXECUTE format(
                'INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM %1$s WHERE org_id = %4$L ON CONFLICT DO NOTHING',
                copy.name, copy.columns, replace(copy.columns, 'org_id', quote_literal('$mirror') || '::uuid'), '$org'
            );
        END LOOP;
    END $$";

const MIRROR_ORG: &str = "00000000-0000-7000-8000-00000000000f";

/// Applies them. Each alone, because a transaction that locks all tables would wait for statements that wait for it.
fn set_policies(world: &World) {
    let mut admin = world.admin();
    let database = admin.value("SELECT quote_ident(current_database())");
    let database = database.as_str().expect("a name");
    admin.run(&POLICIES.replace("$org", &world.org.id).replace("$database", database));
    for table in admin.rows(POLICY_TABLES) {
        let table = table["name"].as_str().expect("a name");
        admin.run(&format!("ALTER POLICY reads ON {table} USING (is_readable(org_id))"));
    }
}

fn copy_to_mirror(world: &World) {
    world.admin().run(&MIRROR.replace("$org", &world.org.id).replace("$mirror", MIRROR_ORG));
}

#[tokio::test]
async fn every_rpc_reads_only_its_organization() {
    let cluster = Cluster::start(&[]).await;
    let world = World::alone_in(&cluster, &[]).await;
    set_policies(&world);
    let server = world.another_server().await;
    let key = world.key("read,send,ingest,manage").await;
    for (number, method) in methods().iter().enumerate().filter(|(_, method)| !method.streams()) {
        let ids = fresh_ids(&world, number).await;
        copy_to_mirror(&world);
        let caller = Rpc::new(server.address, Protocol::Grpc).token(&key);
        let answer = caller.call(&method.path, wire(method, &request(method, &ids))).await;
        assert_eq!(answer.code, Some(0), "{}: {answer:?}\n{}", method.path, server.process.log());
    }
}

#[tokio::test]
async fn statement_without_its_organization_meets_the_policy() {
    let cluster = Cluster::start(&[]).await;
    let world = World::alone_in(&cluster, &[]).await;
    world.chat("Alice").await;
    set_policies(&world);
    copy_to_mirror(&world);
    let mut request = world.sql();
    request.run("SET plan_cache_mode = force_generic_plan");
    request.run(&format!("SELECT FROM chats WHERE org_id = '{}'", world.org.id));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| request.run("SELECT FROM chats")));
    assert!(outcome.is_err(), "the policy accepts a statement without its organization");
}

//! The embedded PostgreSQL: shared by concurrent commands, never orphaned, restarted after an upgrade.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::harness::{Place, kill, wait_for};
use crate::support::postgres_programs;

/// A service that is ready, and its URL.
fn serve(command: &mut Command) -> (Child, String) {
    command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "off"]);
    let mut serving = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("switchboard is ready on ").unwrap().to_owned();
    (serving, url)
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The response of `/readyz` as text.
fn readiness(url: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// The process id in the server's pid file, which outlives a killed server.
fn server_pid(place: &Place) -> Option<String> {
    let file = std::fs::read_to_string(place.directory.join("postgres/postmaster.pid"));
    file.unwrap_or_default().lines().next().map(str::to_owned)
}

#[test]
fn concurrent_commands_share_a_new_database() {
    let place = Place::new();
    let names: Vec<_> = (0..10).map(|number| format!("Org {number}")).collect();
    let creating = names
        .iter()
        .map(|name| place.command(&["org", "create", "--name", name]).stdout(Stdio::null()).spawn().unwrap());
    for mut command in creating.collect::<Vec<_>>() {
        assert!(command.wait().unwrap().success());
    }
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 10);
    place.wait_until_empty();
}

#[test]
fn killed_processes_leave_no_server_and_next_start_recovers() {
    let place = Place::new();
    let org = place.ask(&["org", "create", "--name", "Acme"]);

    // `serve` supervises the server itself.
    let (serving, url) = serve(&mut place.command(&[]));
    assert_eq!((place.supervisor(), place.run(&["healthcheck", &url]).code), (None, Some(0)));
    assert_eq!(place.run(&["healthcheck", &format!("{url}/nothing")]).code, Some(1), "the path is kept");
    end(serving);
    place.wait_until_empty();

    // Other commands start a supervisor process.
    let mut import = place.command(&["import", "--org", &org, "-"]);
    let importing = import.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Until it has connected, it starts another supervisor.
    wait_for("a connection", || place.has_client());
    kill(place.supervisor().unwrap());
    place.wait_until_empty();
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 1);
    end(importing);

    // The server of a running service is restarted.
    let (serving, url) = serve(&mut place.command(&[]));
    let before = server_pid(&place);
    for id in place.processes() {
        kill(id);
    }
    wait_for("a new server", || server_pid(&place) != before);
    wait_for("readiness", || place.run(&["healthcheck", &url]).code == Some(0));
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 1);

    for id in place.processes() {
        kill(id);
    }
    end(serving);
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 1);
    place.wait_until_empty();
}

#[test]
fn service_takes_over_from_the_killed_supervisor_of_a_command() {
    let place = Place::new();
    let org = place.ask(&["org", "create", "--name", "Acme"]);
    let mut import = place.command(&["import", "--org", &org, "-"]);
    let importing = import.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the supervisor", || place.supervisor().is_some());
    let (serving, url) = serve(&mut place.command(&[]));
    let before = server_pid(&place);
    kill(place.supervisor().unwrap());
    wait_for("a new server", || server_pid(&place).is_some_and(|pid| Some(pid) != before));
    wait_for("readiness", || place.run(&["healthcheck", &url]).code == Some(0));
    end(importing);
    end(serving);
    place.wait_until_empty();
}

#[test]
fn replaced_program_fails_readiness_and_restarts_server() {
    let place = Place::new();
    let programs = place.directory.with_extension("bin");
    std::fs::create_dir(&programs).unwrap();
    for name in ["initdb", "postgres"] {
        std::fs::copy(postgres_programs().join(name), programs.join(name)).unwrap();
    }
    let path = std::env::join_paths([programs.as_path(), "/usr/bin".as_ref(), "/bin".as_ref()]).unwrap();
    let (serving, url) = serve(place.command(&[]).env("PATH", path));
    let before = server_pid(&place);
    assert!(before.is_some() && readiness(&url).starts_with("HTTP/1.1 200"));

    // As a package manager does it.
    std::fs::copy(programs.join("postgres"), programs.join("postgres.new")).unwrap();
    std::fs::rename(programs.join("postgres.new"), programs.join("postgres")).unwrap();
    wait_for("a failing probe", || {
        let response = readiness(&url);
        response.starts_with("HTTP/1.1 503") && response.contains("changed on disk; it is being restarted")
    });
    wait_for("readiness", || readiness(&url).starts_with("HTTP/1.1 200"));
    assert_ne!(server_pid(&place), before);
    end(serving);
    place.wait_until_empty();
    std::fs::remove_dir_all(programs).unwrap();
}

#[test]
fn reused_pid_of_a_dead_server_does_not_block_a_start() {
    let place = Place::new();
    place.ask(&["org", "create", "--name", "Acme"]);
    let pid_file = place.directory.join("postgres/postmaster.pid");
    std::fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 1);
    place.wait_until_empty();
}

#[test]
fn cluster_of_another_version_is_rejected_with_its_version() {
    let place = Place::new();
    place.ask(&["migrate", "up"]);
    std::fs::write(place.directory.join("postgres/PG_VERSION"), "9\n").unwrap();
    let rejected = place.run(&["org", "list"]);
    assert_eq!(rejected.code, Some(1));
    assert!(rejected.stderr.contains("created by PostgreSQL 9"), "{}", rejected.stderr);
}

#[test]
fn terminated_service_stops_its_server() {
    let place = Place::new();
    let (mut serving, _) = serve(&mut place.command(&[]));
    let id = rustix::process::Pid::from_child(&serving);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(serving.wait().unwrap().success());
    assert!(place.processes().is_empty());
}

//! Connections: bounds on memory, requests that are dropped, the drain.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use collector::ReceiverSettings;
use testkit::wait;

use crate::fake::{Server, spans};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// Until `done`; the tests wait for what the server does on its own threads.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    wait::until(what, Duration::from_secs(20), || Ok(done().then_some(()))).expect("in time");
}

/// Sends a request of `body` without reading the answer.
fn open_request(server: &Server, body: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(server.otlp).expect("listening");
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body)).expect("open");
    socket
}

fn close_gate(server: &Server) {
    let permits = server.store.gate.available_permits();
    server.store.gate.try_acquire_many(permits as u32).expect("all free").forget();
}

#[test]
fn more_than_the_memory_for_requests_is_told_to_come_back() {
    let settings =
        ReceiverSettings { message_bytes_max: 100_000, in_flight_bytes_max: 200_000, ..ReceiverSettings::default() };
    let server = Server::with(settings);
    close_gate(&server);
    let body = vec![0x0a; 90_000];
    let held: Vec<TcpStream> = (0..2).map(|_| open_request(&server, &body)).collect();
    until("both requests wait for the store", || server.telemetry.snapshot().in_flight_requests == 2);
    let reply = server.http().send("POST", "/v1/traces", &[PROTOBUF], &body).expect("answered");
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")), "{}", reply.text());
    drop(held);
    until("closed connections free their memory", || server.telemetry.snapshot().in_flight_bytes == 0);
    server.store.gate.add_permits(10);
    assert_eq!(server.http().send("POST", "/v1/traces", &[PROTOBUF], &body).expect("answered").status, 200);
}

#[test]
fn a_drain_answers_what_is_under_way_and_takes_nothing_new() {
    let mut server = Server::start();
    close_gate(&server);
    let mut idle = TcpStream::connect(server.otlp).expect("listening");
    let mut busy = open_request(&server, &spans(3));
    until("the request waits for the store", || server.telemetry.snapshot().in_flight_requests == 1);
    server.stop.cancel();
    until("the port is closed", || TcpStream::connect(server.otlp).is_err());
    server.store.gate.add_permits(1);
    let mut answer = String::new();
    busy.read_to_string(&mut answer).expect("answered, then closed");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(idle.read(&mut [0; 8]).unwrap_or(0), 0, "idle connections are closed");
    let tasks = std::mem::take(&mut server.tasks);
    server.runtime.block_on(async {
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(20), task).await.expect("in time").expect("no panic");
        }
    });
}

#[test]
fn both_protocols_share_a_port_and_connections_are_kept() {
    let server = Server::start();
    let (grpc, mut http) = (server.grpc(), server.http());
    for _ in 0..50 {
        assert_eq!(grpc.call(testkit::grpc::TRACES, &spans(1), &[]).expect("answered").status, Some(0));
        assert_eq!(http.send("POST", "/v1/traces", &[PROTOBUF], &spans(1)).expect("answered").status, 200);
    }
    assert_eq!(server.taken(), 100);
}

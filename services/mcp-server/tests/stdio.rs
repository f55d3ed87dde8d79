//! The built binary over stdin and stdout: one JSON document a line, nothing else on stdout.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows the functions of a test crate for tests only where they say so themselves"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

struct Session {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    _folder: tempfile::TempDir,
}

impl Session {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-server"))
            .arg("--stdio")
            .env("DATA_DIR", folder.path())
            .env("AIRTABLE_GATEWAY_URL", "http://127.0.0.1:1")
            .env("HTTP_RETRIES", "0")
            .env("OTEL_SDK_DISABLED", "true")
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, _folder: folder }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    fn ask(&mut self, message: &Value) -> Value {
        self.send(message);
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// Closes stdin; the process must end by itself, and well.
    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        assert!(self.lines.next().is_none(), "nothing but answers on stdout");
    }
}

#[test]
fn a_session_with_a_handshake() {
    let mut session = Session::start();
    let params =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = session.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}));
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let answer = session.ask(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}));
    assert_eq!(answer["result"]["tools"].as_array().unwrap().len(), 10);
    let call = |id: u64, name: &str, arguments: Value| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
    let answer = session.ask(&call(3, "calculate", json!({"expression": "6 * 7"})));
    assert_eq!(answer["result"]["structuredContent"]["result"], 42);
    let answer = session.ask(&call(4, "query_database", json!({"query": "SELECT 1 AS one"})));
    assert_eq!(answer["result"]["structuredContent"]["rows"][0]["one"], 1, "{answer}");
    let answer = session.ask(&call(5, "airtable_list_bases", json!({})));
    assert_eq!(answer["result"]["isError"], true);
    session.end();
}

#[test]
fn a_session_without_one() {
    let mut session = Session::start();
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let answer =
        session.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}));
    assert!(answer["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{answer}");
    let params = json!({"_meta": meta, "name": "calculate", "arguments": {"expression": "1 + 1"}});
    let answer = session.ask(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}));
    assert_eq!(
        (&answer["result"]["resultType"], &answer["result"]["structuredContent"]["result"]),
        (&json!("complete"), &json!(2))
    );
    session.end();
}

//! A wire tap: a TCP proxy that keeps every byte its clients send. For protocols that are not encrypted.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;

/// What one connection's client sent.
type Sent = Arc<Mutex<Vec<u8>>>;

/// A running proxy; stopped when dropped.
#[derive(Debug)]
pub struct Tap {
    /// Where clients connect.
    pub address: SocketAddr,
    connections: Arc<Mutex<Vec<Sent>>>,
    ends: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Tap {
    /// Listens on a free port and passes everything on to `upstream`.
    pub fn start(upstream: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (connections, ends) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (known, over) = (Arc::clone(&connections), Arc::clone(&ends));
        let acceptor = std::thread::spawn(move || accept(&listener, upstream, &known, &over));
        Ok(Self { address, connections, ends, acceptor: Some(acceptor) })
    }

    /// What was sent so far, by connection.
    pub fn recorded(&self) -> Vec<Vec<u8>> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.iter().map(|sent| sent.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // Wakes the acceptor.
        drop(TcpStream::connect(self.address));
        drop(self.acceptor.take().map(JoinHandle::join));
    }
}

/// Connections end with their sockets: the threads of a pair stop when either side closes.
fn accept(listener: &TcpListener, upstream: SocketAddr, known: &Mutex<Vec<Sent>>, over: &AtomicBool) {
    for client in listener.incoming() {
        if over.load(Ordering::Acquire) {
            return;
        }
        let (Ok(client), Ok(server)) = (client, TcpStream::connect(upstream)) else { continue };
        let (Ok(client_back), Ok(server_back)) = (client.try_clone(), server.try_clone()) else { continue };
        let sent = Sent::default();
        known.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&sent));
        std::thread::spawn(move || pump(client, server, Some(&sent)));
        std::thread::spawn(move || pump(server_back, client_back, None));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, sent: Option<&Sent>) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if let Some(sent) = sent {
            sent.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..read]);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

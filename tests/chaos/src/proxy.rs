//! A TCP proxy that breaks a link on demand, for the connections that are there and for those to come.
//!
//! What a black hole has swallowed is gone for good: a connection with a hole in it stays silent in that direction for the rest of its
//! life, as when a firewall has forgotten it. The other side learns nothing, not even that its peer has given up.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
};

const BUFFER_BYTES: usize = 16 * 1_024;
/// What a throttled connection moves at once: small, so that its rate is even.
const THROTTLED_BYTES: usize = 1_024;
const CONNECTIONS_MAX: usize = 2_048;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They go on.
    Pass,
    /// They are taken and go nowhere, in both directions. Who connects is answered by nobody.
    BlackHole,
    /// Every connection is reset, a new one at once.
    Reset,
    /// Those to the server go nowhere.
    LostToServer,
    /// Those to the client go nowhere.
    LostToClient,
    /// They go on, so many a second on each connection in each direction.
    Throttle {
        /// Bytes a second.
        bytes_per_s: u32,
    },
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

impl Mode {
    fn swallows(self, direction: Direction) -> bool {
        match self {
            Self::BlackHole => true,
            Self::LostToServer => matches!(direction, Direction::ToServer),
            Self::LostToClient => matches!(direction, Direction::ToClient),
            Self::Pass | Self::Reset | Self::Throttle { .. } => false,
        }
    }
}

#[derive(Debug, Clone)]
struct Orders {
    mode: Mode,
    /// Tried in this order.
    upstreams: Arc<[SocketAddr]>,
    /// Connections of an earlier epoch are reset.
    epoch: u64,
}

/// A listening proxy; it ends with all its connections when it is dropped.
pub(crate) struct Proxy {
    port: u16,
    orders: watch::Sender<Orders>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of this machine.
    pub(crate) async fn listen(upstream_ports: &[u16]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (orders, heard) = watch::channel(Orders {
            mode: Mode::Pass,
            upstreams: addresses(upstream_ports),
            epoch: 0,
        });
        Ok(Self {
            port,
            orders,
            accepting: tokio::spawn(accept(listener, heard)),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.orders.send_modify(|orders| orders.mode = mode);
    }

    /// Forwards to the first of these that answers, from the next connection on.
    pub(crate) fn forward_to(&self, upstream_ports: &[u16]) {
        self.orders
            .send_modify(|orders| orders.upstreams = addresses(upstream_ports));
    }

    /// Resets every connection, so that clients come anew.
    pub(crate) fn drop_all(&self) {
        self.orders.send_modify(|orders| orders.epoch += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn addresses(ports: &[u16]) -> Arc<[SocketAddr]> {
    ports
        .iter()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
        .collect()
}

async fn accept(listener: TcpListener, orders: watch::Receiver<Orders>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // They are aborted with this task.
    let mut connections = JoinSet::new();
    while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
        // Descriptors may be short for a moment; a proxy that ends would be another fault than the one asked for.
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let orders = orders.clone();
        connections.spawn(async move {
            serve(client, orders).await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut client: TcpStream, orders: watch::Receiver<Orders>) {
    let now = orders.borrow().clone();
    let cut = cut(orders.clone(), now.epoch);
    if now.mode == Mode::BlackHole {
        let (mut from_client, _held) = client.split();
        let mut nowhere = tokio::io::sink();
        tokio::select! {
            () = pump(&mut from_client, &mut nowhere, Direction::ToServer, orders) => {}
            () = cut => reset(&client),
        }
        return;
    }
    let connected = match now.mode {
        Mode::Reset => None,
        _ => connect(&now.upstreams).await,
    };
    let Some(mut server) = connected else {
        reset(&client);
        return;
    };
    let was_cut = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let both = async {
            tokio::join!(
                pump(&mut from_client, &mut to_server, Direction::ToServer, orders.clone()),
                pump(&mut from_server, &mut to_client, Direction::ToClient, orders.clone()),
            )
        };
        tokio::select! {
            ((), ()) = both => false,
            () = cut => true,
        }
    };
    if was_cut {
        reset(&client);
        reset(&server);
    }
}

/// Waits until connections of this epoch are to end.
async fn cut(mut orders: watch::Receiver<Orders>, epoch: u64) {
    let ended = orders.wait_for(|orders| orders.mode == Mode::Reset || orders.epoch != epoch);
    // Without a proxy there is nobody to give orders: the end as well.
    drop(ended.await);
}

/// Makes its end a reset.
fn reset(stream: &TcpStream) {
    // One that is gone already needs none.
    let _ = stream.set_zero_linger();
}

async fn connect(upstreams: &[SocketAddr]) -> Option<TcpStream> {
    for upstream in upstreams {
        if let Ok(Ok(server)) = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(upstream)).await {
            let _ = server.set_nodelay(true);
            return Some(server);
        }
    }
    None
}

/// Moves bytes until their source ends.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    direction: Direction,
    orders: watch::Receiver<Orders>,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut holed = orders.borrow().mode.swallows(direction);
    loop {
        let most = match orders.borrow().mode {
            Mode::Throttle { .. } => THROTTLED_BYTES,
            _ => BUFFER_BYTES,
        };
        let room = buffer.get_mut(..most).unwrap_or_default();
        // A connection that broke has ended, too.
        let count = from.read(room).await.unwrap_or(0);
        let mode = orders.borrow().mode;
        holed |= mode.swallows(direction);
        if count == 0 {
            if !holed {
                let _ = to.shutdown().await;
            }
            return;
        }
        if holed {
            continue;
        }
        if let Mode::Throttle { bytes_per_s } = mode {
            tokio::time::sleep(Duration::from_secs(count as u64) / bytes_per_s.max(1)).await;
        }
        if to.write_all(buffer.get(..count).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    /// A server that answers every byte with the same.
    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        port
    }

    /// Whether a byte comes back; an error is a connection that ended.
    async fn answered(client: &mut TcpStream) -> std::io::Result<bool> {
        client.write_all(b"x").await?;
        match tokio::time::timeout(SOON, client.read_u8()).await {
            Ok(read) => read.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    #[tokio::test]
    async fn a_hole_stays_and_new_connections_pass_again() {
        let proxy = Proxy::listen(&[1, echo().await]).await.unwrap();
        let connect = async || TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        for mode in [Mode::BlackHole, Mode::LostToServer, Mode::LostToClient] {
            let mut old = connect().await;
            assert!(answered(&mut old).await.unwrap());
            proxy.set(mode);
            assert!(!answered(&mut old).await.unwrap(), "{mode:?}");
            assert!(!answered(&mut connect().await).await.unwrap(), "{mode:?}");
            proxy.set(Mode::Pass);
            assert!(!answered(&mut old).await.unwrap(), "{mode:?}");
            assert!(answered(&mut connect().await).await.unwrap(), "{mode:?}");
        }
    }

    #[tokio::test]
    async fn connections_are_reset_and_slowed() {
        let proxy = Proxy::listen(&[echo().await]).await.unwrap();
        let connect = async || TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        let mut client = connect().await;
        assert!(answered(&mut client).await.unwrap());
        proxy.drop_all();
        assert!(answered(&mut client).await.is_err());
        assert!(answered(&mut connect().await).await.unwrap());
        proxy.set(Mode::Reset);
        assert!(answered(&mut connect().await).await.is_err());
        proxy.set(Mode::Throttle { bytes_per_s: 1 });
        assert!(!answered(&mut connect().await).await.unwrap());
    }
}

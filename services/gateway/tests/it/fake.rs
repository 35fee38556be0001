//! Any gRPC service: answers what a test says, else an empty message, and remembers what it was asked and in whose name.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::extract::State;
use bytes::{Buf as _, BufMut as _};
use prost::Message;
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::Grpc,
    service::Routes,
    transport::Server,
};
use tuntas_kit::{
    auth::{Assertion, TrustStore},
    clock::Clock,
    problem::{Problem, UNAVAILABLE},
};

/// A call as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Package, service and method.
    pub(crate) method: String,
    /// The verified assertion that came with it.
    pub(crate) assertion: Assertion,
    /// The citizen's address, as the edge tells it.
    pub(crate) peer: Option<String>,
    messages: Vec<Vec<u8>>,
}

impl Call {
    /// The message, or one of a stream.
    pub(crate) fn message<T: Message + Default>(&self, nth: usize) -> T {
        T::decode(self.messages[nth].as_slice()).unwrap()
    }

    /// All of a stream.
    pub(crate) fn messages<T: Message + Default>(&self) -> Vec<T> {
        (0..self.messages.len()).map(|nth| self.message(nth)).collect()
    }
}

type Answer = Arc<dyn Fn(&Call) -> Result<Vec<u8>, Problem> + Send + Sync>;

#[derive(Default)]
struct Known {
    answers: HashMap<String, Answer>,
    calls: Vec<Call>,
    /// Beginnings of methods that answer nothing.
    away: Vec<String>,
}

/// The servers.
#[derive(Clone)]
pub(crate) struct Fake {
    known: Arc<Mutex<Known>>,
    trust: Arc<TrustStore>,
    clock: Clock,
}

impl Fake {
    pub(crate) fn new(trust: TrustStore, clock: Clock) -> Self {
        Self {
            known: Arc::default(),
            trust: Arc::new(trust),
            clock,
        }
    }

    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(handle).with_state(self.clone());
        let server = Server::builder().add_routes(Routes::from(router)).serve_with_incoming(
            TcpListenerStream::new(listener).map(|stream| {
                let stream = stream?;
                // Else each small answer waits for an acknowledgement.
                stream.set_nodelay(true)?;
                Ok::<_, std::io::Error>(stream)
            }),
        );
        tokio::spawn(server);
        address
    }

    /// What a method answers from now on, such as `routing.v1.Cases/GetCase`.
    pub(crate) fn on<Q, A>(&self, method: &str, answer: impl Fn(&Call, Q) -> Result<A, Problem> + Send + Sync + 'static)
    where
        Q: Message + Default,
        A: Message,
    {
        let answer: Answer = Arc::new(move |call| Ok(answer(call, call.message(0))?.encode_to_vec()));
        self.known.lock().unwrap().answers.insert(full(method), answer);
    }

    /// Everything whose name begins so is away from now on: `routing`, or `""` for all.
    pub(crate) fn leave(&self, service: &str) {
        self.known.lock().unwrap().away.push(format!("tuntas.{service}"));
    }

    pub(crate) fn come_back(&self) {
        self.known.lock().unwrap().away.clear();
    }

    /// Calls of a method so far.
    pub(crate) fn calls(&self, method: &str) -> Vec<Call> {
        let known = self.known.lock().unwrap();
        let of_method = known.calls.iter().filter(|call| call.method == full(method));
        of_method.cloned().collect()
    }

    async fn answer(&self, method: String, request: Request<Streaming<Vec<u8>>>) -> Result<Vec<u8>, Status> {
        if self
            .known
            .lock()
            .unwrap()
            .away
            .iter()
            .any(|away| method.starts_with(away))
        {
            return Err(Problem::new(UNAVAILABLE).into());
        }
        // Every call of the edge says who asks.
        let assertion = self.trust.assertion(&request, self.clock.now())?;
        let peer = request.metadata().get("x-tuntas-peer");
        let peer = peer.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut stream = request.into_inner();
        let mut messages = Vec::new();
        while let Some(message) = stream.next().await {
            messages.push(message?);
        }
        let call = Call {
            method: method.clone(),
            assertion,
            peer,
            messages,
        };
        let answer = {
            let mut known = self.known.lock().unwrap();
            known.calls.push(call.clone());
            known.answers.get(&method).cloned()
        };
        match answer {
            Some(answer) => Ok(answer(&call)?),
            // The empty message: nothing there.
            None => Ok(Vec::new()),
        }
    }
}

fn full(method: &str) -> String {
    format!("tuntas.{method}")
}

async fn handle(State(fake): State<Fake>, request: axum::extract::Request) -> axum::response::Response {
    let method = request.uri().path().trim_start_matches('/').to_owned();
    let service = tower::service_fn(move |request: Request<Streaming<Vec<u8>>>| {
        let (fake, method) = (fake.clone(), method.clone());
        async move {
            let answer = fake.answer(method, request).await?;
            Ok::<_, Status>(Response::new(tokio_stream::once(Ok(answer))))
        }
    });
    let response = Grpc::new(Raw).streaming(service, request).await;
    response.map(axum::body::Body::new)
}

/// Messages as bytes.
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

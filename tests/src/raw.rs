//! Calls with bytes of our own making: what no client of ours would ever send.

use bytes::{Buf as _, BufMut as _, Bytes};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor, MethodDescriptor};
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

/// Passes bytes through.
#[derive(Debug, Clone, Copy, Default)]
struct Bare;

impl Codec for Bare {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

impl Decoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

/// Every method that takes one message, of the services that the platform serves.
///
/// # Errors
/// The descriptors do not decode.
pub fn unary_methods() -> anyhow::Result<Vec<MethodDescriptor>> {
    let pool = DescriptorPool::decode(tuntas_proto::DESCRIPTORS)?;
    let methods = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>());
    Ok(methods.filter(|method| !method.is_client_streaming()).collect())
}

/// Numbers and names of the text fields of a message.
#[must_use]
pub fn text_fields(message: &MessageDescriptor) -> Vec<(u32, String)> {
    let texts = message
        .fields()
        .filter(|field| matches!(field.kind(), Kind::String) && !field.is_list());
    texts.map(|field| (field.number(), field.name().to_owned())).collect()
}

/// A message with one field of bytes.
#[must_use]
pub fn one_field(number: u32, content: &[u8]) -> Bytes {
    let mut message = Vec::with_capacity(content.len() + 16);
    varint(u64::from(number) << 3 | 2, &mut message);
    varint(content.len() as u64, &mut message);
    message.extend_from_slice(content);
    message.into()
}

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(u8::try_from(value & 0x7F).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    into.push(u8::try_from(value).unwrap_or(0));
}

/// Sends bytes to a method, with this value of `authorization` or none.
///
/// # Errors
/// What the service answered.
pub async fn send(
    channel: Channel,
    method: &MethodDescriptor,
    message: Bytes,
    authorization: Option<&str>,
) -> Result<(), Status> {
    let mut client = Grpc::new(channel);
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path: PathAndQuery = path.parse().map_err(|_| Status::internal("no path"))?;
    let mut request = Request::new(message);
    if let Some(value) = authorization.and_then(|value| value.parse().ok()) {
        request.metadata_mut().insert("authorization", value);
    }
    if method.is_server_streaming() {
        let mut stream: Response<tonic::Streaming<Bytes>> = client.server_streaming(request, path, Bare).await?;
        // Its first message is answer enough.
        return stream.get_mut().message().await.map(drop);
    }
    client.unary(request, path, Bare).await.map(|_: Response<Bytes>| ())
}

//! The gRPC services: thin mapping between messages and use cases.

mod acts;
mod feed;

pub use acts::OversightService;
pub use feed::FeedService;

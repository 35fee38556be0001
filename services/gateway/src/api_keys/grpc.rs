//! `tuntas.gateway.v1.ApiKeys`: what an operator does with keys from the command line.

use tonic::{Request, Response, Status};
use tuntas_kit::{
    ids::new_id,
    problem::{NOT_FOUND, Problem},
};
use tuntas_proto::{
    gateway::v1::{
        ApiKey, CreateApiKeyRequest, CreateApiKeyResponse, ListApiKeysRequest, ListApiKeysResponse,
        RevokeApiKeyRequest, RevokeApiKeyResponse, api_keys_server,
    },
    wire_time::timestamp,
};

use super::{ApiKeys, INBOX, OPEN311, store};
use crate::grpc::Api;

const PER_MINUTE: u32 = 60;
const BURST: u32 = 30;
const REQUESTS_MAX: u32 = 6_000;

impl Api {
    async fn create_key(&self, request: CreateApiKeyRequest) -> Result<CreateApiKeyResponse, Problem> {
        let keys = &self.web.api_keys;
        let purpose = [OPEN311, INBOX].into_iter().find(|known| *known == request.purpose);
        let purpose = purpose.ok_or_else(|| Problem::invalid("purpose", "open311 or inbox"))?;
        let key = store::ApiKey {
            api_key_id: new_id(),
            name: name_of(&request.name)?,
            purpose: purpose.to_owned(),
            per_minute: limit("per_minute", request.per_minute, PER_MINUTE)?,
            burst: limit("burst", request.burst, BURST)?,
            created_at: self.web.clock.now(),
            used_at: None,
            revoked_at: None,
        };
        let (secret, hash) = if purpose == OPEN311 {
            let (secret, hash) = ApiKeys::fresh_key();
            (secret, Some(hash))
        } else {
            (keys.signing_secret(key.api_key_id), None)
        };
        if !store::create(keys.pool(), &key, hash.as_deref()).await? {
            return Err(Problem::refusal("api_key_exists", "this name has a key already"));
        }
        self.note("api_key_created", &key.api_key_id.to_string()).await?;
        Ok(CreateApiKeyResponse { name: key.name, secret })
    }

    async fn revoke_key(&self, request: &RevokeApiKeyRequest) -> Result<(), Problem> {
        let now = self.web.clock.now();
        let revoked = store::revoke(self.web.api_keys.pool(), &name_of(&request.name)?, now).await?;
        let id = revoked.ok_or_else(|| Problem::new(NOT_FOUND).message("there is no key of this name"))?;
        self.note("api_key_revoked", &id.to_string()).await
    }
}

fn name_of(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    let fits = (3..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    fits.then(|| name.to_owned())
        .ok_or_else(|| Problem::invalid("name", "3 to 64 of a-z, 0-9 and -"))
}

fn limit(field: &str, asked: u32, otherwise: u32) -> Result<i32, Problem> {
    let number = if asked == 0 { otherwise } else { asked };
    i32::try_from(number)
        .ok()
        .filter(|_| number <= REQUESTS_MAX)
        .ok_or_else(|| Problem::invalid(field, "at most 6,000"))
}

#[tonic::async_trait]
impl api_keys_server::ApiKeys for Api {
    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        self.require_operator(&request)?;
        Ok(Response::new(self.create_key(request.into_inner()).await?))
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        self.require_operator(&request)?;
        let keys = store::all(self.web.api_keys.pool()).await?;
        let keys = keys.into_iter().map(|key| ApiKey {
            name: key.name,
            purpose: key.purpose,
            per_minute: key.per_minute.unsigned_abs(),
            burst: key.burst.unsigned_abs(),
            created_at: Some(timestamp(key.created_at)),
            used_at: key.used_at.map(timestamp),
            revoked_at: key.revoked_at.map(timestamp),
        });
        Ok(Response::new(ListApiKeysResponse { keys: keys.collect() }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Result<Response<RevokeApiKeyResponse>, Status> {
        self.require_operator(&request)?;
        self.revoke_key(request.get_ref()).await?;
        Ok(Response::new(RevokeApiKeyResponse {}))
    }
}

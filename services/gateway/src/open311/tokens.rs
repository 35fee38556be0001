//! Which request a token stands for. Every filing is answered with its id at once; a token is what the client itself sent with
//! it, so that one whose line broke can ask what became of it.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    admitted, file,
    params::Params,
    render::{Format, Node},
    request::{ITEM, LIST},
    requests,
    trouble::{Trouble, or_trouble},
};
use crate::{
    api_keys::store,
    web::{Web, peer::Peer},
};

/// The request of a token.
pub async fn show(
    State(web): State<Web>,
    format: Format,
    peer: Peer,
    params: Params,
    Path(name): Path<String>,
) -> Response {
    let answer = async {
        let key = admitted(&web, peer, &params).await?;
        let token = Format::split(&name).map_or(name.as_str(), |(token, _)| token);
        let filed = match &key {
            Some(key) => {
                let hash = file::hash_of_token(&web, key, token);
                store::filing_by_token(web.api_keys.pool(), key.api_key_id, &hash).await?
            }
            None => None,
        };
        let ticket = match filed {
            Some(filing) => filing.ticket,
            // A client that keeps the id where others keep a token.
            None => {
                let report = requests::get(&web, token).await;
                report
                    .map_err(|trouble| Trouble {
                        description: trouble.description.replace("service_request_id", "token"),
                        ..trouble
                    })?
                    .ticket
            }
        };
        let found = Node::Object(vec![
            ("service_request_id", Node::text(ticket)),
            ("token", Node::text(token)),
        ]);
        Ok(Node::List(ITEM, vec![found]).answer(format, LIST, StatusCode::OK))
    };
    or_trouble(format, answer.await)
}

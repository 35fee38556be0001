//! Keeping an officer's text, before the command or event that names it. Nobody but officers sees it until an
//! event releases it.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tuntas_domain::Official;
use tuntas_kit::{
    idempotency, ids,
    problem::{FORBIDDEN, Problem},
    tx,
};
use tuntas_proto::intake::v1::{StoreTextRequest, StoreTextResponse};
use uuid::Uuid;

use crate::{
    access::{self, Standing},
    attach,
    caller::Caller,
    content::{CoarsePlace, TextBody, Words},
    intake::Intake,
    problems::UNKNOWN_TEXT_KIND,
    store::text::{self, StoredText},
    validate,
};

const REDACTION: &str = "redaction";
/// A redaction that publishes the place too. It is stored as a redaction.
const REDACTION_WITH_PLACE: &str = "redaction_with_place";
const KINDS: [&str; 9] = [
    "answer",
    "first_response",
    "completion_request",
    REDACTION,
    "note",
    "reason",
    "explanation",
    "instruction",
    "recommendation",
];

/// Seals a text and gives its reference.
///
/// # Errors
/// The code of a field that is wrong, `forbidden` (a redaction is the verifier's), `unknown_report`,
/// `report_erased`, `idempotency_key_reused`, or the database's.
pub async fn store_text(
    intake: &Intake,
    caller: &Caller,
    request: StoreTextRequest,
) -> Result<StoreTextResponse, Problem> {
    idempotency::check_key(&request.idempotency_key)?;
    let with_place = request.kind == REDACTION_WITH_PLACE;
    let asked = if with_place { REDACTION } else { request.kind.as_str() };
    let Some(kind) = KINDS.into_iter().find(|kind| *kind == asked) else {
        return Err(UNKNOWN_TEXT_KIND.into());
    };
    let title = if kind == REDACTION {
        validate::title(&request.title)?
    } else {
        String::new()
    };
    let body = TextBody::new(title, validate::text(&request.body)?);
    let attachments = validate::attachment_ids(&request.attachment_ids, intake.config.filing.attachments_max)?;
    let official = caller.officer()?.clone();
    let report_id = validate::id(&request.report_id)?;
    let standing = access::readable(intake, caller, report_id).await?;
    if kind == REDACTION && !standing.may_be_redacted_by(&official) {
        return Err(Problem::new(FORBIDDEN).message("the public text is the verifier's"));
    }
    let place = if with_place {
        place_of(intake, &standing).await?
    } else {
        None
    };
    let body = body.at(place);
    let blind = intake.secrets.blind(&request);
    let (intake, at) = (intake.clone(), intake.now());
    let pool = intake.pool.clone();
    tx::run(&pool, move |conn| {
        Box::pin(async move {
            let scope = format!("text:{report_id}:{}", official.position);
            if let Some(answer) = idempotency::lookup(conn, &scope, &request.idempotency_key, &blind).await? {
                return Ok(answer);
            }
            let author = Author {
                official: &official,
                report_id,
                kind,
                at,
            };
            let answer = keep(&intake, conn, author, &body, &attachments).await?;
            idempotency::remember(conn, &scope, &request.idempotency_key, &blind, &answer).await?;
            Ok::<StoreTextResponse, Problem>(answer)
        })
    })
    .await
}

/// Where the reporter says that it is, coarsely; none when they do not.
async fn place_of(intake: &Intake, standing: &Standing) -> Result<Option<CoarsePlace>, Problem> {
    let report = &standing.report;
    let key = intake.key_or_erased(&mut *intake.conn().await?, report.id).await?;
    let words = Words::open(&key, report.id, &report.sealed_words)?;
    Ok(words.place.as_ref().and_then(CoarsePlace::of))
}

struct Author<'a> {
    official: &'a Official,
    report_id: Uuid,
    kind: &'static str,
    at: OffsetDateTime,
}

async fn keep(
    intake: &Intake,
    conn: &mut PgConnection,
    author: Author<'_>,
    body: &TextBody,
    attachments: &[Uuid],
) -> Result<StoreTextResponse, Problem> {
    let report_id = author.report_id;
    let key = intake.key_or_erased(conn, report_id).await?;
    let id = ids::new_id();
    let stored = StoredText {
        id,
        report_id,
        kind: author.kind.to_owned(),
        sealed: body.seal(&key, report_id, id)?,
        commitment: body.commitment().to_vec(),
        from_reporter: false,
        author_position: Some(author.official.position.to_string()),
        author_opd: author.official.opd.as_ref().map(ToString::to_string),
        written_at: author.at,
        audience: "officers".to_owned(),
        released_at: None,
    };
    text::insert(conn, &stored).await?;
    attach::file_with_text(intake, conn, report_id, &key, id, attachments).await?;
    Ok(StoreTextResponse {
        r#ref: Some(body.reference(id)),
    })
}

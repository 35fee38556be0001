//! Words that an agency uses again and again. They are the agency's own and hold nothing of any report.

use tuntas_kit::{
    idempotency, ids,
    problem::{NOT_FOUND, Problem},
    tx,
};
use tuntas_proto::desk::v1::{
    DeleteTemplateRequest, ListTemplatesRequest, ListTemplatesResponse, PutTemplateRequest, PutTemplateResponse,
    Template as WireTemplate,
};
use uuid::Uuid;

use crate::{
    caller::Caller,
    desk::Desk,
    store::texts::{self, Template},
};

const NAME_CHARS_MAX: usize = 100;
const BODY_CHARS_MAX: usize = 10_000;

/// Stores a template, new or in place of the one with its id.
///
/// # Errors
/// `invalid_argument`, `name_taken`, `too_many_templates`, `not_found` for another agency's.
pub async fn put(desk: &Desk, caller: &Caller, request: PutTemplateRequest) -> Result<PutTemplateResponse, Problem> {
    let wanted = request
        .template
        .clone()
        .ok_or_else(|| Problem::invalid("template", "is missing"))?;
    caller.own(&wanted.opd_code)?;
    let template = parse(&wanted)?;
    let max = i64::from(desk.config.desk.templates_max);
    let (opd, scope) = (caller.opd.clone(), format!("PutTemplate {}", caller.opd));
    tx::run(&desk.pool, move |conn| {
        Box::pin(async move {
            let key = request.idempotency_key.clone();
            if let Some(answer) = idempotency::lookup(conn, &scope, &key, &request).await? {
                return Ok(answer);
            }
            if wanted.template_id.is_empty() && texts::template_count(conn, &opd).await? >= max {
                return Err(Problem::refusal(
                    "too_many_templates",
                    "the agency has as many templates as it may have",
                ));
            }
            match texts::put_template(conn, &opd, &template).await {
                Ok(true) => {}
                Ok(false) => return Err(Problem::new(NOT_FOUND)),
                Err(error) if tx::violates(&error, "template_opd_code_name_key") => {
                    return Err(Problem::refusal(
                        "name_taken",
                        "another template of the agency has this name",
                    ));
                }
                Err(error) => return Err(error.into()),
            }
            let answer = PutTemplateResponse {
                template: Some(WireTemplate {
                    template_id: template.template_id.to_string(),
                    ..wanted
                }),
            };
            idempotency::remember(conn, &scope, &key, &request, &answer).await?;
            Ok(answer)
        })
    })
    .await
}

fn parse(wanted: &WireTemplate) -> Result<Template, Problem> {
    // PostgreSQL stores no NUL in a text.
    let within =
        |text: &str, max: usize| !text.trim().is_empty() && text.chars().count() <= max && !text.contains('\0');
    if !within(&wanted.name, NAME_CHARS_MAX) {
        return Err(Problem::invalid("template.name", "1 to 100 characters"));
    }
    if !within(&wanted.body, BODY_CHARS_MAX) {
        return Err(Problem::invalid("template.body", "1 to 10,000 characters"));
    }
    Ok(Template {
        template_id: match wanted.template_id.as_str() {
            "" => ids::new_id(),
            id => id
                .parse()
                .map_err(|error| Problem::invalid("template.template_id", error))?,
        },
        name: wanted.name.clone(),
        body: wanted.body.clone(),
    })
}

/// The agency's templates by name.
///
/// # Errors
/// `not_found` for another agency.
pub async fn list(
    desk: &Desk,
    caller: &Caller,
    request: &ListTemplatesRequest,
) -> Result<ListTemplatesResponse, Problem> {
    caller.own(&request.opd_code)?;
    let mut conn = desk.conn().await?;
    let templates = texts::templates(&mut conn, &caller.opd)
        .await?
        .into_iter()
        .map(|template| WireTemplate {
            template_id: template.template_id.to_string(),
            opd_code: caller.opd.to_string(),
            name: template.name,
            body: template.body,
        })
        .collect();
    Ok(ListTemplatesResponse { templates })
}

/// Deletes a template; one that is not there is deleted already.
///
/// # Errors
/// `not_found` for another agency.
pub async fn delete(desk: &Desk, caller: &Caller, request: &DeleteTemplateRequest) -> Result<(), Problem> {
    caller.own(&request.opd_code)?;
    let template_id: Uuid = request
        .template_id
        .parse()
        .map_err(|error| Problem::invalid("template_id", error))?;
    let opd = caller.opd.clone();
    tx::run(&desk.pool, move |conn| {
        Box::pin(async move { Ok::<_, Problem>(texts::delete_template(conn, &opd, template_id).await?) })
    })
    .await?;
    Ok(())
}

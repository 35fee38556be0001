//! Two cases side by side, to see whether they are one matter, and to merge them from there.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use tuntas_kit::problem::{FORBIDDEN, INVALID_ARGUMENT};

use super::{offers, view::View};
use crate::{
    citizen::draft::fresh_key,
    directory::Directory,
    web::{
        Web,
        fault::Fault,
        page::{Page, SignedIn, html},
    },
};

/// One of the two.
struct Side {
    view: View,
    /// The office may merge it into the other.
    mergeable: bool,
    key: String,
}

#[derive(Template)]
#[template(path = "officer/compare.html")]
struct ComparePage {
    page: Page,
    directory: Arc<Directory>,
    sides: [Side; 2],
}

impl ComparePage {
    fn other(&self, place: &usize) -> &str {
        &self.sides[1 - (*place).min(1)].view.case.case_id
    }

    fn is_same(&self, of: fn(&View) -> &str) -> bool {
        of(&self.sides[0].view) == of(&self.sides[1].view)
    }

    fn same_category(&self) -> bool {
        self.is_same(|view| &view.case.category_code)
    }

    fn same_region(&self) -> bool {
        self.is_same(|view| &view.case.region_code)
    }
}

/// Shows both.
///
/// # Errors
/// `unknown_case` for what is not the office's to see, `forbidden` outside the centre, or a service is away.
pub async fn show(
    State(web): State<Web>,
    page: Page,
    SignedIn(user): SignedIn,
    Path((one, other)): Path<(String, String)>,
) -> Result<Response, Fault> {
    if !user.is_central() {
        return Err(Fault::new(FORBIDDEN));
    }
    if one == other {
        return Err(Fault::new(INVALID_ARGUMENT));
    }
    let (first, second, directory) = tokio::join!(
        View::of(&web, &user, &one, 0),
        View::of(&web, &user, &other, 0),
        web.directory.get()
    );
    let side = |view: View| Side {
        mergeable: offers::of(&user, &view.case).contains(&"gabung"),
        view,
        key: fresh_key(),
    };
    html(&ComparePage {
        page,
        directory: directory?,
        sides: [side(first?), side(second?)],
    })
}

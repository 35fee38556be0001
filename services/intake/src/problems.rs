//! Intake's own stable codes, each with the sentence that goes to the caller. Sentences name no data.

use tonic::Code;
use tuntas_kit::problem::{Kind, Problem};

macro_rules! invalid {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $field:literal, $message:literal;)+) => {
        $($(#[$doc])* pub const $name: Invalid = Invalid {
            kind: Kind { code: $code, grpc: Code::InvalidArgument, http: 400, message: $message },
            field: $field,
        };)+
        /// Every row, in order of definition.
        pub const INVALID: &[Invalid] = &[$($name),+];
    };
}

/// A field that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid {
    /// Code and sentence.
    pub kind: Kind,
    /// Name of the field in the request.
    pub field: &'static str,
}

invalid! {
    /// Fewer than 22 characters: the receipt code would be guessable.
    IDEMPOTENCY_KEY_WEAK = "idempotency_key_weak", "idempotency_key", "the idempotency key of a filing needs 22 to 128 characters";
    /// No kind, or one that does not exist.
    UNKNOWN_KIND = "unknown_kind", "kind", "the kind is not one that exists";
    /// No privacy, or one that does not exist.
    UNKNOWN_PRIVACY = "unknown_privacy", "privacy", "the privacy is not one that exists";
    /// Nothing but spaces.
    TITLE_EMPTY = "title_empty", "title", "a title is needed";
    /// More than 200 characters.
    TITLE_TOO_LONG = "title_too_long", "title", "the title has more than 200 characters";
    /// Fewer than 20 characters.
    BODY_TOO_SHORT = "body_too_short", "body", "the report needs at least 20 characters";
    /// More than 10,000 characters.
    BODY_TOO_LONG = "body_too_long", "body", "the report has more than 10,000 characters";
    /// Control characters other than line breaks and tabs.
    CONTROL_CHARACTERS = "control_characters", "text", "the text has control characters";
    /// Not a category of the directory.
    UNKNOWN_CATEGORY = "unknown_category", "category_code", "there is no such category";
    /// Not a region of the directory.
    UNKNOWN_REGION = "unknown_region", "region_code", "there is no such region";
    /// Not an agency of the directory.
    UNKNOWN_AGENCY = "unknown_agency", "named_opd", "there is no such agency";
    /// Not an ISO 8601 date.
    EVENT_DATE_MALFORMED = "event_date_malformed", "event_date", "the date must be like 2026-11-24";
    /// After today (WIB).
    EVENT_DATE_IN_FUTURE = "event_date_in_future", "event_date", "the date lies in the future";
    /// Before 1945.
    EVENT_DATE_TOO_OLD = "event_date_too_old", "event_date", "the date lies too far in the past";
    /// More than 500 characters.
    PLACE_TOO_LONG = "place_too_long", "place", "the place has more than 500 characters";
    /// Only one coordinate, or one out of range.
    COORDINATES_MALFORMED = "coordinates_malformed", "place", "latitude and longitude must both be there and in range";
    /// More than 200 characters.
    NAME_TOO_LONG = "name_too_long", "identity.name", "the name has more than 200 characters";
    /// Not 16 digits.
    NIK_MALFORMED = "nik_malformed", "identity.nik", "a NIK has 16 digits";
    /// Not a telephone number.
    PHONE_MALFORMED = "phone_malformed", "identity.phone", "the telephone number must have 6 to 15 digits";
    /// Not an e-mail address.
    EMAIL_MALFORMED = "email_malformed", "identity.email", "the e-mail address is not one";
    /// More than 500 characters.
    ADDRESS_TOO_LONG = "address_too_long", "identity.address", "the address has more than 500 characters";
    /// Not a known channel.
    UNKNOWN_CHANNEL = "unknown_channel", "channel", "there is no such channel";
    /// Neither Indonesian nor English.
    UNKNOWN_LANGUAGE = "unknown_language", "language", "the language must be id or en";
    /// Not an http(s) address of at most 2,000 characters.
    SOURCE_URL_MALFORMED = "source_url_malformed", "source_url", "the source must be a web address";
    /// More than the limit.
    TOO_MANY_ATTACHMENTS = "too_many_attachments", "attachment_ids", "there are too many attachments";
    /// Not an id of an upload, or one that a report names already.
    UNKNOWN_ATTACHMENT = "unknown_attachment", "attachment_ids", "an attachment is unknown, expired or used already";
    /// No public report has this ticket.
    UNKNOWN_SAME_AS = "unknown_same_as", "same_as_ticket", "no public report has this ticket";
    /// Nothing but spaces.
    TEXT_EMPTY = "text_empty", "text", "a text is needed";
    /// More than 10,000 characters.
    TEXT_TOO_LONG = "text_too_long", "text", "the text has more than 10,000 characters";
    /// Not a kind of text that officers write.
    UNKNOWN_TEXT_KIND = "unknown_text_kind", "kind", "there is no such kind of text";
    /// Not 1 to 5.
    STARS_OUT_OF_RANGE = "stars_out_of_range", "stars", "a rating has 1 to 5 stars";
    /// Not 10 to 500 characters.
    REASON_LENGTH = "reason_length", "reason", "the reason needs 10 to 500 characters";
    /// Not a UUID.
    ID_MALFORMED = "id_malformed", "id", "the id is not one";
    /// The stream does not begin with a header, or has a second one.
    HEADER_EXPECTED = "header_expected", "part", "the first message is the header, the others are chunks";
    /// More than 64 KiB in one message.
    CHUNK_TOO_LARGE = "chunk_too_large", "chunk", "a chunk has more than 64 KiB";
    /// Nothing was sent.
    ATTACHMENT_EMPTY = "attachment_empty", "chunk", "the file is empty";
    /// More than the limit.
    ATTACHMENT_TOO_LARGE = "attachment_too_large", "chunk", "the file is too large";
    /// Neither JPEG, PNG, WebP nor PDF by its content.
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", "chunk", "only JPEG, PNG, WebP and PDF files are taken";
    /// Looks like one of those but cannot be read.
    ATTACHMENT_UNREADABLE = "attachment_unreadable", "chunk", "the file is damaged or not what it says it is";
    /// The scanner found something.
    ATTACHMENT_REFUSED = "attachment_refused", "chunk", "the scanner refused the file";
    /// The query is empty or too long.
    QUERY_LENGTH = "query_length", "query", "a query has at most 10,000 characters";
    /// Not a cursor that was given out.
    CURSOR_MALFORMED = "cursor_malformed", "page.cursor", "the cursor is not one";
}

/// Words and identity are gone (UU 27/2022).
pub const REPORT_ERASED: Kind = Kind {
    code: "report_erased",
    grpc: Code::FailedPrecondition,
    http: 410,
    message: "the content of this report was erased",
};
/// There is no such report, or not for this caller.
pub const UNKNOWN_REPORT: Kind = Kind {
    code: "unknown_report",
    grpc: Code::NotFound,
    http: 404,
    message: "there is no such report",
};
/// The reporter chose not to be known, or left nothing.
pub const IDENTITY_HIDDEN: Kind = Kind {
    code: "identity_hidden",
    grpc: Code::PermissionDenied,
    http: 403,
    message: "the reporter chose to stay unknown",
};

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::new(invalid.kind).with("field", invalid.field)
    }
}

impl From<crate::seal::SealError> for Problem {
    fn from(error: crate::seal::SealError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_mean_the_same_as_in_the_common_table() {
        for (i, row) in INVALID.iter().enumerate() {
            assert!(
                INVALID[..i].iter().all(|other| other.kind.code != row.kind.code),
                "{row:?}"
            );
            let common = tuntas_kit::problem::kind(row.kind.code).unwrap_or(row.kind);
            assert_eq!((common.grpc, common.http), (row.kind.grpc, row.kind.http), "{row:?}");
        }
    }
}

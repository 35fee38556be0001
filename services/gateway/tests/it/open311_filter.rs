use proptest::prelude::*;
use time::{OffsetDateTime, macros::datetime};
use tuntas_gateway::open311::{
    filter::{Filter, parse_moment, written},
    params::Params,
};
use tuntas_proto::wire_time::{instant, timestamp};

const NOW: OffsetDateTime = datetime!(2026-11-24 03:00 UTC);

fn filter(query: &str) -> Result<Filter, String> {
    Filter::of(&Params::parse(query.as_bytes()).unwrap(), NOW).map_err(|trouble| trouble.description)
}

fn range(query: &str) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
    let search = filter(query).unwrap().search;
    (
        search.filed_from.as_ref().and_then(instant),
        search.filed_until.as_ref().and_then(instant),
    )
}

#[test]
fn without_times_it_is_the_latest_ninety_days_and_a_thousand() {
    let found = filter("").unwrap();
    assert_eq!((found.rows_max, found.search.skip, found.is_empty), (1_000, 0, false));
    assert_eq!(range(""), (Some(datetime!(2026-08-26 03:00 UTC)), None));
    // Who follows what moved wants the old reports too.
    assert_eq!(range("updated_after=2026-11-01T00:00:00Z"), (None, None));
}

#[test]
fn a_range_spans_ninety_days_and_takes_in_its_last_second() {
    assert_eq!(
        range("start_date=2026-01-01T00:00:00Z"),
        (
            Some(datetime!(2026-01-01 00:00 UTC)),
            Some(datetime!(2026-04-01 00:00:00.999_999_999 UTC))
        )
    );
    let (from, until) = range("end_date=2026-04-01T00:00:00Z");
    assert_eq!(from, Some(datetime!(2026-01-01 00:00 UTC)));
    assert_eq!(until, Some(datetime!(2026-04-01 00:00:00.999_999_999 UTC)));
    assert!(filter("start_date=2026-01-01T00:00:00Z&end_date=2026-04-01T00:00:00Z").is_ok());
    assert!(filter("start_date=2026-01-01T00:00:00Z&end_date=2026-04-01T00:00:01Z").is_err());
    assert!(filter("start_date=2026-04-01T00:00:00Z&end_date=2026-01-01T00:00:00Z").is_err());
}

#[test]
fn moments_are_read_with_their_zone() {
    let noon = Some(datetime!(2026-11-24 05:00 UTC));
    for text in [
        "2026-11-24T05:00:00Z",
        "2026-11-24T12:00:00+07:00",
        "2026-11-24T12:00:00.000+07:00",
        "2026-11-24T12:00+07:00",
        // A plus sign that was not encoded.
        "2026-11-24T12:00:00 07:00",
    ] {
        assert_eq!(parse_moment(text), noon, "{text}");
    }
    assert_eq!(parse_moment("2026-11-24"), Some(datetime!(2026-11-23 17:00 UTC)));
    for text in [
        "2026-11-24T12:00:00",
        "24-11-2026",
        "2026-13-01T00:00:00Z",
        "kemarin",
        "1",
        "20261124",
        "2026-W48-2",
    ] {
        assert_eq!(parse_moment(text), None, "{text}");
    }
    assert!(filter("start_date=9999-12-31T23:59:59-23:59").is_err());
}

#[test]
fn moments_are_written_in_whole_seconds_with_the_zone() {
    assert_eq!(
        written(datetime!(2026-11-24 17:59:59.999 UTC)),
        "2026-11-25T00:59:59+07:00"
    );
}

#[test]
fn pages_have_fifty_requests_unless_said_otherwise() {
    let page = |query: &str| filter(query).map(|found| (found.rows_max, found.search.skip));
    assert_eq!(page("page=1"), Ok((50, 0)));
    assert_eq!(page("page=3"), Ok((50, 100)));
    assert_eq!(page("page=3&page_size=10"), Ok((10, 20)));
    assert_eq!(page("page_size=10"), Ok((10, 0)));
    assert!(filter("page=4294967295").unwrap().is_empty);
    for wrong in [
        "page=0",
        "page=-1",
        "page=x",
        "page=%2B1",
        "page_size=0",
        "page_size=1001",
        "page=4294967296",
    ] {
        assert!(filter(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn statuses_and_lists_take_commas_and_repetition() {
    let closed = |query: &str| filter(query).map(|found| found.search.closed);
    assert_eq!(closed("status=open"), Ok(Some(false)));
    assert_eq!(closed("status=Closed"), Ok(Some(true)));
    assert_eq!(closed("status=open,closed"), Ok(None));
    assert_eq!(closed("status=open&status=closed"), Ok(None));
    assert_eq!(closed("status="), Ok(None));
    assert!(closed("status=fixed").is_err());
    let codes = filter("service_code=a,b&service_code=c").unwrap().search.category_codes;
    assert_eq!(codes, ["a", "b", "c"]);
    let named = filter("service_request_id=A,B&status=open&start_date=2026-01-01&end_date=2026-11-24")
        .unwrap()
        .search;
    assert_eq!(
        (named.tickets, named.closed, named.also_unlisted),
        (vec!["A".to_owned(), "B".to_owned()], None, true)
    );
    // They count for nothing then, but what cannot be one is still said.
    assert!(filter("service_request_id=A,B&start_date=kemarin").is_err());
    assert!(filter("extensions=true").unwrap().extensions);
    assert!(filter("extensions=ja").is_err());
}

proptest! {
    #[test]
    fn what_was_written_is_read_as_its_whole_second(seconds in 0_i64..200_000_000_000, nanos in 0_u32..1_000_000_000) {
        let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap();
        let read = parse_moment(&written(at)).unwrap();
        prop_assert_eq!(timestamp(read).seconds, seconds);
    }

    #[test]
    fn no_query_brings_it_down(query in ".{0,200}", name in "start_date|end_date|page|page_size|status|service_request_id") {
        let encoded = format!("{name}={query}");
        if let Ok(params) = Params::parse(encoded.as_bytes()) {
            drop(Filter::of(&params, NOW));
        }
    }
}

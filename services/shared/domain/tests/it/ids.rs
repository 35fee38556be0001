//! Identifiers and ticket numbers.

use proptest::prelude::*;
use tuntas_domain::case::Commitment;
use tuntas_domain::ids::IdError;
use tuntas_domain::ticket::TicketError;
use tuntas_domain::{OpdCode, PositionId, RegionCode, TicketNumber};

#[test]
fn slugs_take_the_codes_of_the_directory_and_nothing_else() {
    for good in ["dishub", "pupr-pkpp", "dishub.sekretaris", "14.01", "h_1"] {
        assert_eq!(good.parse::<PositionId>().unwrap().as_str(), good);
    }
    assert!(matches!("".parse::<OpdCode>(), Err(IdError::Empty { .. })));
    assert!(matches!(
        "x".repeat(65).parse::<OpdCode>(),
        Err(IdError::TooLong { .. })
    ));
    for bad in [
        "Dishub", "dis hub", "dishub/", ".dishub", "dishub-", "dïshub", "a;b", "*",
    ] {
        assert!(
            matches!(bad.parse::<OpdCode>(), Err(IdError::BadCharacter { .. })),
            "{bad}"
        );
    }
}

#[test]
fn slugs_are_validated_by_serde_too() {
    assert_eq!(
        serde_json::to_string(&"14.71".parse::<RegionCode>().unwrap()).unwrap(),
        "\"14.71\""
    );
    assert!(serde_json::from_str::<OpdCode>("\"A B\"").is_err());
}

#[test]
fn commitments_are_hexadecimal() {
    let text = "0a".repeat(32);
    let commitment: Commitment = text.parse().unwrap();
    assert_eq!(commitment.0, [10; 32]);
    assert_eq!(commitment.to_string(), text);
    assert!("0a".repeat(31).parse::<Commitment>().is_err());
    assert!("0g".repeat(32).parse::<Commitment>().is_err());
    assert!("+a".repeat(32).parse::<Commitment>().is_err());
}

#[test]
fn ticket_numbers_read_back_as_people_write_them() {
    let ticket = TicketNumber::from_entropy([0, 0, 1, 2, 3]);
    let text = ticket.to_string();
    assert_eq!(text.len(), 14);
    for written in [
        text.to_lowercase(),
        text.replace('-', ""),
        text.replace('-', " "),
        text.trim_start_matches("TTS-").to_owned(),
        text.replace('0', "O").replace('1', "l"),
    ] {
        assert_eq!(written.parse::<TicketNumber>(), Ok(ticket), "{written}");
    }
    assert_eq!("TTS-1234".parse::<TicketNumber>(), Err(TicketError::Length));
    assert_eq!("XXX-00000000-0".parse::<TicketNumber>(), Err(TicketError::Character));
    assert_eq!("TTS-0000000U-0".parse::<TicketNumber>(), Err(TicketError::Character));
    assert_eq!("TTS-00000001-0".parse::<TicketNumber>(), Err(TicketError::Check));
    assert_eq!("".parse::<TicketNumber>(), Err(TicketError::Length));
}

proptest! {
    #[test]
    fn ticket_numbers_round_trip(entropy: [u8; 5]) {
        let ticket = TicketNumber::from_entropy(entropy);
        prop_assert_eq!(ticket.to_string().parse::<TicketNumber>(), Ok(ticket));
    }

    #[test]
    fn one_wrong_character_never_passes(entropy: [u8; 5], place in 0_usize..8, other in 0_usize..32) {
        let digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text: Vec<char> = TicketNumber::from_entropy(entropy).to_string().chars().collect();
        let wrong = digits.chars().nth(other).unwrap();
        prop_assume!(text[4 + place] != wrong);
        text[4 + place] = wrong;
        let text: String = text.into_iter().collect();
        prop_assert_eq!(text.parse::<TicketNumber>(), Err(TicketError::Check));
    }

    #[test]
    fn parsing_never_panics(text in "\\PC{0,20}") {
        let _ = text.parse::<TicketNumber>();
        let _ = text.parse::<OpdCode>();
    }
}

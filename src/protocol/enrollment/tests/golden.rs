//! Every folder of `fixtures/soap` is an exchange: `request.xml` as it came, `read.txt` what we understood (secrets do
//! not show), `response.xml` what we answer, and where that carries a document, `document.xml`.
//!
//! `refused/` holds what is not taken, and `refused/expected.txt` what is answered instead and why. `BLESS=1` rewrites all
//! but the requests.

use std::fs;

use super::super::client::{AnswerError, read_discover_response, read_policies_response, read_token_response};
use super::fixtures;
use super::talk::answer;
use crate::soap::LIMITS;

#[test]
fn requests_are_understood_and_answered() {
    let cases = fixtures::cases();
    assert!(cases.len() >= 14, "there are only {} cases", cases.len());
    for (case, file) in cases {
        let answered = answer(&fs::read(&file).unwrap()).unwrap_or_else(|(_, refused)| panic!("{case}: {refused}"));
        assert!(!answered.read.contains("nsom!"), "{case}: a password shows");
        fixtures::compare(&file.with_file_name("read.txt"), &answered.read);
        fixtures::compare(&file.with_file_name("response.xml"), &answered.reply);
        if let Some(document) = answered.document {
            fixtures::compare(&file.with_file_name("document.xml"), &document);
        }
    }
}

#[test]
fn answers_are_read_by_the_other_side() {
    for (case, file) in fixtures::cases() {
        let answered = answer(&fs::read(&file).unwrap()).unwrap_or_else(|(_, refused)| panic!("{case}: {refused}"));
        let body = answered.reply.as_bytes();
        match case.split('-').next() {
            Some("discover") => {
                read_discover_response(body, &LIMITS).unwrap();
            }
            Some("policies") => {
                read_policies_response(body, &LIMITS).unwrap();
            }
            Some("recovery") => match read_token_response(body, &LIMITS) {
                Err(AnswerError::Fault(fault)) => assert_eq!(fault.hresult(), 0x8018_0015),
                other => panic!("{other:?}"),
            },
            _ => {
                let document = read_token_response(body, &LIMITS).unwrap();
                assert_eq!(Some(document), answered.document.map(String::into_bytes), "{case}");
            }
        }
    }
}

#[test]
fn what_is_ambiguous_broken_or_hostile_is_refused_and_said_why() {
    let mut lines = Vec::new();
    for (name, file) in fixtures::refused() {
        let Err((_, refused)) = answer(&fs::read(&file).unwrap()) else { panic!("{name} was taken") };
        let answer = match refused.fault() {
            Some(kind) => {
                assert!(refused.message_id.is_some() || name == "no-body" || name == "two-headers", "{name}");
                kind.to_string()
            }
            None => "HTTP 400".to_owned(),
        };
        lines.push(format!("{name}: {}: {answer}: {refused}", refused.why.code()));
    }
    assert!(lines.len() >= 60, "there are only {} requests", lines.len());
    fixtures::compare(&fixtures::folder().join("refused/expected.txt"), &lines.join("\n"));
}

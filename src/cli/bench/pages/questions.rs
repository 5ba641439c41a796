//! What is asked: every page and every route that only looks, with what people fill in.
//!
//! The routes come from the tables of the doors. What a name in a path stands for follows from the step before it, so that a
//! new route of a known noun is asked without a word here; one of a new noun is refused until somebody says how.

use anyhow::Context as _;

use super::super::site::id;
use crate::cli::hinted;
use crate::http::{self, api::route};

/// A question, which may have names in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// It is a page, for somebody who is signed in; otherwise a route of the API.
    pub(super) is_page: bool,
    /// As it stands in the table.
    pub(super) route: String,
    /// Behind the question mark.
    pub(super) query: String,
}

/// What is never asked, and why not.
const NEVER: &[(&str, &str)] = &[
    ("/events/stream", "it does not end"),
    ("/actions/{id}/archive", "a file, where a device has sent one"),
    ("/join/{link}", "a link is good once"),
    ("/join/{link}/openid", "leads to a provider"),
    ("/sign-in/openid", "leads to a provider"),
    ("/sign-in/openid/callback", "comes from a provider"),
];

/// What reads everything that there is, because that is what it is for: it is held to no bound.
const WHOLE: &[&str] = &["/audit/proof", "/audit/export.csv", "/audit/export.jsonl"];

/// What else is asked at a route of the API, `{…}` as in paths.
const OF_API: &[(&str, &[&str])] = &[
    (
        "/devices",
        &[
            "begins_with=pc-0000",
            "begins_with=pc",
            "begins_with=user0000",
            "begins_with=u",
            "where=device.serial == 'SN00000007'",
            "where=os.build < 22631",
            "where=os.build >= 26100 %26%26 security.firewall == 'on'",
            "where=!('KB0' in update.installed)",
            "where='KB0' in update.installed",
            "where=device.model.contains('Think') %26%26 os.build == 26100",
            "begins_with=pc-&where=device.model.contains('Think')",
            "limit=500",
        ],
    ),
    (
        "/commands",
        &[
            "state=queued",
            "state=succeeded",
            "state=failed",
            "state=unknown",
            "device_id={device}",
            "own=false",
            "limit=500",
        ],
    ),
    (
        "/sessions",
        &[
            "text=nope",
            "text=devdetail nope",
            "device_id={device}",
            "from=2001-01-01T00:00:00Z",
            "until=2001-01-01T00:00:00Z",
        ],
    ),
    (
        "/audit",
        &[
            "actor=ada",
            "actor=nobody",
            "action=command.",
            "action=session.view",
            "subject={device}",
            "actor=ada&action=audit.",
            "since=2001-01-01T00:00:00Z",
            "until=2001-01-01T00:00:00Z",
        ],
    ),
    ("/actions", &["state=queued", "state=failed", "device_id={device}"]),
    ("/certificates", &["state=current", "state=revoked", "device_id={device}", "ends_before=2001-01-01T00:00:00Z"]),
    ("/enrollment-attempts", &["user=nobody", "device_id={device}", "outcome=refused"]),
    ("/enrollment-tokens", &["user=nobody"]),
    ("/events", &["after=0&type=device.enrolled", "after=0&device={device}", "limit=500"]),
];

/// The same at pages.
const OF_PAGES: &[(&str, &[&str])] = &[
    (
        "/devices",
        &[
            "q=pc-0000",
            "q=SN00000007",
            "q=nothing-begins-so",
            "where=os.build >= 26100 %26%26 security.firewall == 'on'",
            "where=device.model.contains('Think')",
        ],
    ),
    ("/commands", &["state=queued", "state=failed", "state=unknown", "device={device}"]),
    (
        "/sessions",
        &["text=nope", "text=never-said", "device={device}", "from=2001-01-01T00:00", "until=2001-01-01T00:00"],
    ),
    ("/sessions/{id}", &["only=problems"]),
    ("/audit", &["actor=ada", "action=command.", "subject={device}", "until=2001-01-01T00:00"]),
    ("/settings", &["only=set"]),
    ("/sets/{set}/declarations/{identifier}", &["words=camera", "words=policy"]),
    ("/sets/{set}/preview", &["device={device}"]),
];

/// Without a query these are no questions.
const NEEDED: &[(&str, &str)] = &[
    ("/csp/diff", "from=builtin&to=builtin"),
    ("/csp/nodes", "words=camera"),
    ("/catalogue/setting", "uri=./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera"),
    (
        "/sets/{set}/declarations/{identifier}/setting",
        "uri=./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength",
    ),
    ("/csp/node", "uri=./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera"),
];

/// Everything that is asked.
pub(super) fn all() -> Vec<Question> {
    let of_api = route::all().filter(|route| route.method == "GET").map(|route| (false, route.path));
    let of_pages = http::PAGES.iter().map(|path| (true, *path));
    let mut questions = Vec::new();
    for (is_page, route) in of_api.chain(of_pages) {
        if NEVER.iter().any(|(path, _)| *path == route) {
            continue;
        }
        let question = |query: &str| Question { is_page, route: route.to_owned(), query: query.to_owned() };
        let needed = NEEDED.iter().find(|(path, _)| *path == route);
        questions.push(question(needed.map_or("", |(_, query)| query)));
        let more = if is_page { OF_PAGES } else { OF_API };
        let more = more.iter().filter(|(path, _)| *path == route).flat_map(|(_, queries)| *queries);
        questions.extend(more.map(|query| question(query)));
    }
    questions
}

impl Question {
    /// Whether a bound holds for it.
    pub(super) fn is_bounded(&self) -> bool {
        !WHOLE.contains(&self.route.as_str())
    }

    /// What names it in a table.
    pub(super) fn name(&self) -> String {
        let base = if self.is_page { "" } else { "/api/v1" };
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        format!("{base}{}{query}", self.route)
    }

    /// Its address, for the so-many-th time.
    pub(super) fn address(&self, values: &Values, time: usize) -> anyhow::Result<String> {
        let mut path = if self.is_page { String::new() } else { "/api/v1".to_owned() };
        let mut before = "";
        for step in self.route.split('/').skip(1) {
            path.push('/');
            if step.starts_with('{') {
                path.push_str(values.standing(step, before, time).with_context(|| format!("in {}", self.route))?);
            } else {
                path.push_str(step);
            }
            before = step;
        }
        if self.query.is_empty() {
            return Ok(path);
        }
        let query = self.query.replace("{device}", values.behind("devices", time)?).replace(' ', "%20");
        Ok(format!("{path}?{query}"))
    }
}

/// What stands for names in paths.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The step before, and what may follow.
    pub(super) behind: Vec<(&'static str, Vec<String>)>,
}

impl Values {
    /// With devices from all over the table.
    pub(super) fn new(devices: usize, times: usize) -> Self {
        let spread = (0..times.max(1)).map(|time| id(time.wrapping_mul(7919) % devices.max(1))).collect();
        let mut values = Self::default();
        values.put("devices", spread);
        values.put("facts", vec!["os.version".to_owned()]);
        values.put("{word}", vec!["reboot".to_owned()]);
        values
    }

    /// So many things may follow a step.
    pub(super) fn put(&mut self, step: &'static str, values: Vec<String>) {
        self.behind.push((step, values));
    }

    /// What stands for a name: one of its own, or else what follows the step before it.
    fn standing(&self, name: &str, before: &str, time: usize) -> anyhow::Result<&str> {
        self.behind(name, time).or_else(|_| self.behind(before, time))
    }

    /// What follows a step.
    pub(super) fn behind(&self, step: &str, time: usize) -> anyhow::Result<&str> {
        let values = self.behind.iter().find(|(known, _)| *known == step).map(|(_, values)| values);
        values.and_then(|values| values.get(time % values.len().max(1))).map(String::as_str).ok_or_else(|| {
            hinted(
                format!("nobody has said what follows \"{step}\" in a path"),
                "say so in src/cli/bench/pages, so that the route is measured with the others",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_routes_is_said_of_routes_that_there_are() {
        let known = |path: &str| {
            route::all().any(|route| route.path == path && route.method == "GET") || http::PAGES.contains(&path)
        };
        let named = NEVER.iter().map(|(path, _)| *path).chain(WHOLE.iter().copied());
        let named = named.chain(OF_API.iter().chain(OF_PAGES).map(|(path, _)| *path));
        for path in named.chain(NEEDED.iter().map(|(path, _)| *path)) {
            assert!(known(path), "{path}");
        }
        assert!(all().len() > 60);
    }

    #[test]
    fn names_in_paths_are_filled_in() {
        let values = Values::new(10, 3);
        let question =
            |route: &str, query: &str| Question { is_page: true, route: route.to_owned(), query: query.to_owned() };
        let address = question("/devices/{id}/actions/{word}", "").address(&values, 0).unwrap();
        assert_eq!(address, format!("/devices/{}/actions/reboot", id(0)));
        let asked = question("/audit", "subject={device}&a=b c").address(&values, 1).unwrap();
        assert_eq!(asked, format!("/audit?subject={}&a=b%20c", id(9)));
        assert!(question("/new/{id}", "").address(&values, 0).is_err());
    }
}

//! The pages by which people come in, and change their own account. They work without a script.

use askama::Template;

/// Their style.
pub const STYLE: &str = include_str!("people/style.css");

/// Who is there?
#[derive(Template)]
#[template(path = "sign_in.html", config = "src/ui/people/askama.toml")]
pub struct SignInPage<'a> {
    /// Where to go afterwards.
    pub next: &'a str,
    /// What was written before.
    pub name: &'a str,
    /// Why that was not good.
    pub error: Option<&'a str>,
    /// What stands on the button that leads to the provider.
    pub provider: Option<&'a str>,
    /// Whether passwords are taken.
    pub takes_passwords: bool,
}

/// Somebody comes in by a link.
#[derive(Template)]
#[template(path = "join.html", config = "src/ui/people/askama.toml")]
pub struct JoinPage<'a> {
    /// The name, where it is not theirs to choose.
    pub fixed: Option<&'a str>,
    /// What they will be here for.
    pub role: &'a str,
    /// What was written before.
    pub name: &'a str,
    /// Whether the link is good.
    pub is_good: bool,
    /// What is wrong.
    pub error: Option<&'a str>,
    /// What stands on the button that leads to the provider.
    pub provider: Option<&'a str>,
    /// What is secret in the link.
    pub link: &'a str,
}

/// Somebody's own account.
#[derive(Template)]
#[template(path = "account.html", config = "src/ui/people/askama.toml")]
pub struct AccountPage<'a> {
    /// Their name.
    pub name: &'a str,
    /// What they are here for.
    pub role: &'a str,
    /// What they may do.
    pub rights: Vec<&'static str>,
    /// Goes into every form.
    pub csrf: &'a str,
    /// Whether they have a password here.
    pub has_password: bool,
    /// Whether they use an authenticator.
    pub has_totp: bool,
    /// What is wrong.
    pub error: Option<&'a str>,
}

/// A secret for an authenticator.
#[derive(Template)]
#[template(path = "authenticator.html", config = "src/ui/people/askama.toml")]
pub struct AuthenticatorPage<'a> {
    /// Goes into the form.
    pub csrf: &'a str,
    /// As it is typed.
    pub secret: &'a str,
    /// As an authenticator on the same machine reads it.
    pub address: &'a str,
    /// What is wrong.
    pub error: Option<&'a str>,
}

/// Recovery codes, shown once.
#[derive(Template)]
#[template(path = "recovery.html", config = "src/ui/people/askama.toml")]
pub struct RecoveryPage<'a> {
    /// Each is good once.
    pub codes: &'a [&'a str],
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\"><script>alert(1)</script>'";

    #[test]
    fn what_people_write_is_text() {
        let pages = [
            SignInPage {
                next: HOSTILE,
                name: HOSTILE,
                error: Some(HOSTILE),
                provider: Some(HOSTILE),
                takes_passwords: true,
            }
            .render()
            .unwrap(),
            JoinPage {
                fixed: Some(HOSTILE),
                role: "admin",
                name: HOSTILE,
                is_good: true,
                error: Some(HOSTILE),
                provider: Some(HOSTILE),
                link: HOSTILE,
            }
            .render()
            .unwrap(),
            JoinPage {
                fixed: None,
                role: "admin",
                name: HOSTILE,
                is_good: true,
                error: None,
                provider: None,
                link: HOSTILE,
            }
            .render()
            .unwrap(),
            AccountPage {
                name: HOSTILE,
                role: "admin",
                rights: vec!["look"],
                csrf: HOSTILE,
                has_password: true,
                has_totp: true,
                error: Some(HOSTILE),
            }
            .render()
            .unwrap(),
        ];
        for page in pages {
            assert!(!page.contains("<script") && !page.contains("alert(1)</"), "{page}");
            assert!(page.contains("<html lang=\"en\">") && page.contains("<h1>"));
        }
    }

    #[test]
    fn no_page_has_script_or_style_inside() {
        for text in [
            include_str!("people/frame.html"),
            include_str!("people/sign_in.html"),
            include_str!("people/join.html"),
            include_str!("people/account.html"),
            include_str!("people/authenticator.html"),
            include_str!("people/recovery.html"),
        ] {
            for inside in ["<script", "<style", " style=", " onclick", "javascript:", "|safe", "http://", "https://"] {
                assert!(!text.contains(inside), "{inside} in {text}");
            }
        }
    }
}

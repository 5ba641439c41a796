//! Where Windows wants the result of a web sign-in posted.

use std::{fmt, str::FromStr};

/// Longest that is taken.
const LONGEST: usize = 512;

/// An address of an app on the device (`appru`, MS-MDE2 3.2), such as `ms-app://windows.immersivecontrolpanel`. Other
/// schemes are refused: the handle must not leave the device's own web view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRedirect(String);

impl FromStr for AppRedirect {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(())?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&()*+,;=%".contains(&byte);
        let fits = scheme.eq_ignore_ascii_case("ms-app")
            && rest.starts_with(|first: char| first.is_ascii_alphanumeric())
            && rest.bytes().all(is_plain)
            && text.len() <= LONGEST;
        if fits { Ok(Self(format!("ms-app://{rest}"))) } else { Err(()) }
    }
}

impl fmt::Display for AppRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<AppRedirect> for String {
    fn from(app: AppRedirect) -> Self {
        app.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_app_of_the_device_gets_the_result() {
        for good in
            ["ms-app://windows.immersivecontrolpanel", "ms-app://S-1-15-2-1910091885-1573563583/", " MS-APP://x "]
        {
            let app: AppRedirect = good.parse().unwrap();
            assert!(app.to_string().starts_with("ms-app://"), "{good}");
        }
        for bad in [
            "",
            "ms-app:",
            "ms-app://",
            "ms-app:///x",
            "https://evil.example.test/",
            "http://x",
            "javascript://x%0aalert(1)",
            "ms-app-evil://x",
            "data:text/html,x",
            "ms-app://x\"><script>",
            "ms-app://x y",
            "ms-app://x\r\nSet-Cookie: a",
            "ms-app://\u{202e}x",
            "ms-app://user'x",
            &format!("ms-app://{}", "x".repeat(LONGEST)),
        ] {
            assert!(bad.parse::<AppRedirect>().is_err(), "{bad:?}");
        }
    }
}

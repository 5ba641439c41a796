//! Texts of pages, a file per page, for whoever translates them. Older pages still have theirs in their templates.
//!
//! A text is a constant, so that a page that names one that is missing does not compile.

macro_rules! texts {
    ($($name:ident = $text:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $name: &str = $text;
        )*
    };
}
pub mod alerts;
pub mod catalogue;
pub mod enrolling;
pub mod events;
pub mod everywhere;
pub mod operators;
pub mod provisioning;

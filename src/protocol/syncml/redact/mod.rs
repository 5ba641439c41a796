//! Takes secrets out of a message before it is stored or shown.
//!
//! What is hidden: the data of a credential, nonces of challenges, the data of every item whose node [`is_secret`], or
//! whose type says so (`com.microsoft/MDM/AADUserToken`), and secrets inside XML that other values carry. The nodes of
//! an item are its `Target` and `Source`, and the `TargetRef` and `SourceRef` of the command around it, wherever they
//! stand. A result that names no node at all is hidden too: the node that was asked for may be a secret one.
//!
//! It works on the text, not on the [`Message`](super::Message), so that all the rest stays as it came, and so that it
//! serves for messages that were refused. A text that is not well-formed is not shown at all.

mod secret;
mod value;
mod walk;

use std::borrow::Cow;

pub use secret::{is_secret, names_secret};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The text of a message without its secrets; everything else stays as it came, byte for byte. Of a text that can't be
/// read as XML nothing is given but its length, because nobody knows where its secrets are.
///
/// ```
/// use transom_protocol::syncml::redact::redact;
///
/// assert_eq!(redact("<Cred><Data>dG9wIHNlY3JldA==</Data></Cred>"), "<Cred><Data>[redacted]</Data></Cred>");
/// ```
pub fn redact(xml: &str) -> String {
    redact_also(xml, &|_| false)
}

/// The same, and what else somebody knows to be a secret: `also` is asked about the address of a node.
///
/// ```
/// use transom_protocol::syncml::redact::redact_also;
///
/// let item = "<Item><Target><LocURI>./X</LocURI></Target><Data>a</Data></Item>";
/// assert_eq!(redact_also(item, &|uri| uri == "./X"), item.replace(">a<", ">[redacted]<"));
/// ```
pub fn redact_also(xml: &str, also: &dyn Fn(&str) -> bool) -> String {
    let Ok(hidden) = walk::hidden(xml, also) else {
        return format!("[not readable: {} bytes]", xml.len());
    };
    let mut redacted = String::with_capacity(xml.len());
    let mut at = 0;
    for part in hidden {
        // What lies in a part that was hidden whole is gone already.
        if part.range.start < at {
            continue;
        }
        redacted.push_str(xml.get(at..part.range.start).unwrap_or_default());
        redacted.push_str(part.shown);
        at = part.range.end;
    }
    redacted.push_str(xml.get(at..).unwrap_or_default());
    redacted
}

/// The value of a node without its secrets, for where values are shown one by one.
///
/// ```
/// use transom_protocol::syncml::redact::redact_value;
///
/// assert_eq!(redact_value("./Vendor/MSFT/WiFi/Profile/Home/WlanXml", "<WLANProfile/>"), "[redacted]");
/// assert_eq!(redact_value("./Vendor/Contoso/Notes", "<a><password>x</password></a>"), "<a><password>[redacted]</password></a>");
/// assert_eq!(redact_value("./DevInfo/Man", "Contoso"), "Contoso");
/// ```
pub fn redact_value<'a>(loc_uri: &str, data: &'a str) -> Cow<'a, str> {
    redact_value_also(loc_uri, data, &|_| false)
}

/// The same, and what else somebody knows to be a secret.
pub fn redact_value_also<'a>(loc_uri: &str, data: &'a str, also: &dyn Fn(&str) -> bool) -> Cow<'a, str> {
    if data.is_empty() {
        return Cow::Borrowed(data);
    }
    if is_secret(loc_uri) || also(loc_uri) {
        return Cow::Borrowed(REDACTED);
    }
    let secrets = value::secrets(data);
    if secrets.is_empty() {
        return Cow::Borrowed(data);
    }
    let mut redacted = String::with_capacity(data.len());
    let mut at = 0;
    for secret in secrets {
        redacted.push_str(data.get(at..secret.start).unwrap_or_default());
        redacted.push_str(REDACTED);
        at = secret.end;
    }
    redacted.push_str(data.get(at..).unwrap_or_default());
    Cow::Owned(redacted)
}

/// The parts of a value that would be hidden because what they stand in calls itself a secret: what is in such elements, and
/// in such attributes.
///
/// ```
/// use transom_protocol::syncml::redact::secrets_in;
///
/// assert_eq!(secrets_in("<a><b>1</b><sharedKey><keyType>x</keyType></sharedKey></a>"), ["<keyType>x</keyType>"]);
/// ```
pub fn secrets_in(data: &str) -> Vec<&str> {
    value::secrets(data).into_iter().filter_map(|part| data.get(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(inside: &str) -> String {
        format!("<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr/><SyncBody>{inside}<Final/></SyncBody></SyncML>")
    }

    /// `*` in the text stands for a secret, which has to be all that goes.
    fn hides_the_stars(inside: &str) {
        const SECRET: &str = "hunter2";
        let text = body(&inside.replace('*', SECRET));
        assert_eq!(redact(&text), body(&inside.replace('*', REDACTED)));
        assert_eq!(redact(&redact(&text)), redact(&text));
    }

    fn leaves_alone(text: &str) {
        assert_eq!(redact(text), text);
    }

    const WLAN: &str = "<LocURI>./Vendor/MSFT/WiFi/Profile/x/WlanXml</LocURI>";
    const CAMERA: &str = "<LocURI>./Vendor/MSFT/Policy/Config/Camera/AllowCamera</LocURI>";

    #[test]
    fn credentials_and_nonces_go() {
        hides_the_stars(
            "<Status><CmdID>1</CmdID><Cred><Data>*</Data><Meta><Type>t</Type></Meta></Cred>\
             <Chal><Meta><NextNonce xmlns='syncml:metinf'>*</NextNonce></Meta></Chal><Data>407</Data></Status>",
        );
        let text = "<SyncML><SyncHdr><Cred><Meta/><Data>a&amp;<![CDATA[b]]></Data></Cred></SyncHdr></SyncML>";
        assert_eq!(redact(text), "<SyncML><SyncHdr><Cred><Meta/><Data>[redacted]</Data></Cred></SyncHdr></SyncML>");
    }

    #[test]
    fn data_of_a_secret_node_goes_wherever_it_stands() {
        for inside in [
            format!("<Item><Target>{WLAN}</Target><Data>*</Data></Item>"),
            format!("<Item><Data>*</Data><Target>{WLAN}</Target></Item>"),
            format!("<Item><Source>{WLAN}</Source><Meta><Format>chr</Format></Meta><Data>*</Data><MoreData/></Item>"),
            format!("<Item><Target>{CAMERA}</Target><Source>{WLAN}</Source><Data>*</Data></Item>"),
            format!(
                "<Item><Target>{CAMERA}</Target><Data>1</Data></Item><Item><Data>*</Data><Source>{WLAN}</Source></Item>"
            ),
            format!("<item><source>{WLAN}</source><data>*</data></item>"),
            format!("<Foo><Item><Source>{WLAN}</Source><Data>*</Data></Item></Foo>"),
        ] {
            for (open, close) in [
                ("<Add><CmdID>1</CmdID>", "</Add>"),
                ("<Status><CmdID>1</CmdID><Data>200</Data>", "</Status>"),
                ("<Results><CmdRef>1</CmdRef>", "</Results>"),
                ("<Alert><Data> 1226 </Data>", "</Alert>"),
                ("<Atomic><Sequence><Replace>", "</Replace></Sequence></Atomic>"),
            ] {
                hides_the_stars(&format!("{open}{inside}{close}"));
            }
        }
    }

    #[test]
    fn references_of_the_command_count_for_its_items() {
        let password = "./Device/Vendor/MSFT/Accounts/Users/x/Password";
        hides_the_stars(&format!("<Results><TargetRef>{password}</TargetRef><Item><Data>*</Data></Item></Results>"));
        hides_the_stars(&format!("<Results><Item><Data>*</Data></Item><SourceRef>{password}</SourceRef></Results>"));
        hides_the_stars(&format!(
            "<Status><TargetRef>{password}</TargetRef><Data>200</Data><Item><Data>*</Data></Item></Status>"
        ));
        // The command beside it is another matter.
        leaves_alone(&body(&format!(
            "<Status><TargetRef>{password}</TargetRef><Data>200</Data></Status>\
             <Results><TargetRef>./DevInfo/Man</TargetRef><Item><Data>Contoso</Data></Item></Results>"
        )));
    }

    #[test]
    fn results_without_any_node_are_not_trusted() {
        hides_the_stars("<Results><CmdRef>1</CmdRef><Item><Data>*</Data></Item></Results>");
        leaves_alone(&body("<Alert><Data>1224</Data><Item><Data>user</Data></Item></Alert>"));
    }

    #[test]
    fn tokens_in_alerts_go_by_their_type() {
        for meta in [
            "<Meta><Type xmlns='syncml:metinf'>com.microsoft/MDM/AADUserToken</Type></Meta>",
            "<Meta/><Type>com.microsoft/MDM/AADUserToken</Type>",
        ] {
            hides_the_stars(&format!("<Alert><Data>1224</Data><Item>{meta}<Data>*</Data></Item></Alert>"));
            hides_the_stars(&format!("<Alert><Item><Data>*</Data>{meta}</Item></Alert>"));
        }
        leaves_alone(&body(
            "<Alert><Data>1224</Data><Item><Meta><Type>com.microsoft/MDM/LoginStatus</Type></Meta>\
             <Data>user</Data></Item></Alert>",
        ));
    }

    #[test]
    fn secrets_inside_other_values_go() {
        let item = |data: &str| format!("<Add><Item><Target>{CAMERA}</Target><Data>{data}</Data></Item></Add>");
        for data in [
            "&lt;a&gt;&lt;keyMaterial&gt;*&lt;/keyMaterial&gt;&lt;/a&gt;\r\nx",
            "&#60;key&#77;aterial>*&lt;/keyMaterial>",
            "<![CDATA[<a><keyMaterial>*</keyMaterial></a>]]>",
            "<a><keyMaterial>*</keyMaterial><b>c</b></a>",
            "<a>&lt;password&gt;*&lt;/password&gt;</a>",
            "&amp;lt;password&amp;gt;*&amp;lt;/password&amp;gt;",
            "&lt;parm name=\"AAUTHSECRET\" value=\"*\"/&gt;",
            "é&lt;password&gt;*&lt;/password&gt;é&lt;password&gt;*&lt;/password&gt;",
        ] {
            hides_the_stars(&item(data));
        }
        for (data, wanted) in [
            // A secret in several pieces.
            ("&lt;password>a&amp;<![CDATA[b]]>c&lt;/password>", "&lt;password>[redacted]<![CDATA[]]>&lt;/password>"),
            // Markup that can't be cut.
            ("<sharedKey><keyMaterial>x</keyMaterial></sharedKey><b/>", "[redacted]"),
            ("<a><![CDATA[<password>x]]></a>", "[redacted]"),
            ("<a>&lt;password&gt;b<c/>d</a>", "[redacted]"),
            (&format!("<x>{WLAN}<Data>y</Data></x>"), "[redacted]"),
        ] {
            assert_eq!(redact(&body(&item(data))), body(&item(wanted)));
        }
    }

    #[test]
    fn a_value_alone_is_redacted_as_in_a_message() {
        let password = "./Vendor/MSFT/Accounts/Users/x/Password";
        assert_eq!(redact_value(password, "hunter2"), REDACTED);
        assert_eq!(redact_value(password, ""), "");
        let data = "é<keyMaterial>hunter2</keyMaterial>é<data id='ProxyPassword' value='hunter2'/>é";
        assert_eq!(redact_value("./x", data), data.replace("hunter2", REDACTED));
        assert!(matches!(redact_value("./x", "<a>b</a>"), Cow::Borrowed("<a>b</a>")));
    }

    #[test]
    fn everything_else_stays_byte_for_byte() {
        leaves_alone(
            "\u{FEFF}<?xml version='1.0' encoding=\"utf-16\"?>\r\n<!-- hello -->\n<s:SyncML xmlns:s='x' >\r\n<SyncHdr>\
             <Source><LocURI>https://mdm/token</LocURI></Source><Cred><Data/></Cred></SyncHdr><SyncBody><Replace>\
             <Item><Target><LocURI>./a</LocURI></Target><Data a = 'b'>&lt;a b=&#34;c&#34;/&gt; \r\n<![CDATA[x]]></Data>\
             </Item></Replace></SyncBody></s:SyncML>\n",
        );
        leaves_alone("<wap-provisioningdoc><parm name='x' value='y'/></wap-provisioningdoc>");
    }

    #[test]
    fn text_that_can_not_be_read_is_not_shown() {
        for broken in [
            "",
            "hunter2",
            "<SyncML><SyncBody><Data>hunter2</Data>",
            "<SyncML><Data>hunter2</Data></SyncML><a/>",
            "<SyncML><Data>hunter2\u{1}</Data></SyncML>",
            "<!DOCTYPE a [<!ENTITY x 'hunter2'>]><a>&x;</a>",
        ] {
            assert_eq!(redact(broken), format!("[not readable: {} bytes]", broken.len()));
        }
    }

    #[test]
    fn what_a_reader_refuses_is_redacted_all_the_same() {
        let text =
            format!("<Other><Item><Data>hunter2</Data><Data>hunter2</Data><Source>{WLAN}</Source></Item></Other>");
        assert!(crate::syncml::read::read(&text, &crate::xml::Limits::default()).is_err());
        assert_eq!(redact(&text), text.replace("hunter2", REDACTED));
    }
}

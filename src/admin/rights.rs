//! Who may do what: the one table of roles and rights. `docs/people.md` shows it, and a test compares.

use crate::model::{Right, Rights, Role};

use Right::{Act, Audit, Author, Command, Enroll, Look, People, Retire, Reveal, Settings, Trust};

/// What each role may do.
pub const fn allows(role: Role) -> &'static [Right] {
    match role {
        Role::Admin => &[Look, Act, Command, Retire, Reveal, Author, Enroll, Trust, People, Audit, Settings],
        Role::Author => &[Look, Act, Command, Author, Enroll],
        Role::Helpdesk => &[Look, Act, Reveal, Enroll],
        Role::Auditor => &[Look, Audit, Settings],
    }
}

/// Whether a role may do something.
pub fn may(role: Role, right: Right) -> bool {
    allows(role).contains(&right)
}

/// What a role may do within a scope. A scope takes away and never gives.
pub fn within(role: Role, scope: Option<&Rights>) -> Rights {
    let rights = allows(role).iter().copied();
    rights.filter(|right| scope.is_none_or(|scope| scope.contains(right))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admin_may_do_everything_and_the_auditor_changes_nothing() {
        assert!(Right::ALL.into_iter().all(|right| may(Role::Admin, right)));
        assert_eq!(allows(Role::Auditor), [Look, Audit, Settings]);
        assert!(Role::ALL.into_iter().all(|role| may(role, Look)));
    }

    #[test]
    fn a_scope_never_gives() {
        let scope = Rights::from([Look, People]);
        assert_eq!(within(Role::Helpdesk, Some(&scope)), Rights::from([Look]));
        assert_eq!(within(Role::Admin, Some(&scope)), scope);
        assert_eq!(within(Role::Helpdesk, None).len(), allows(Role::Helpdesk).len());
        assert!(within(Role::Admin, Some(&Rights::new())).is_empty());
    }

    #[test]
    fn the_documents_show_this_table() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/people.md")).unwrap();
        for right in Right::ALL {
            let cells: Vec<&str> = Role::ALL.iter().map(|role| if may(*role, right) { "yes" } else { "" }).collect();
            let wanted: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
            let row = page.lines().find(|line| line.starts_with(&format!("| `{right}` |")));
            let row = row.unwrap_or_else(|| panic!("docs/people.md does not show `{right}`"));
            let shown: Vec<String> = row.split('|').skip(3).take(4).map(|cell| cell.trim().to_owned()).collect();
            assert_eq!(shown, wanted, "{right} in docs/people.md");
        }
    }
}

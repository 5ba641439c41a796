//! Who lets others in: nobody gives more than they have, and what they gave goes with them.

use super::{Error, rights};
use crate::model::{Actor, Maker, Operator, Rights, Role, Timestamp, UserName, is_name_of_nobody};
use crate::store::Tx;

/// Somebody who lets others in, or changes how they come in.
#[derive(Debug, Clone)]
pub struct Granter {
    /// Who that is in the audit log.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
    /// What they came in with themselves.
    pub maker: Maker,
}

impl Granter {
    /// Refuses to give a role that may more than they may.
    pub(super) fn gives(&self, role: Role, at: &str) -> Result<(), Error> {
        if self.has_all_of(role) {
            return Ok(());
        }
        Err(Error::invalid(at, format!("the role {role} has rights that you do not have")))
    }

    /// Refuses to change how somebody comes in who may more than they may.
    pub(super) fn is_above(&self, operator: &Operator) -> Result<(), Error> {
        if self.has_all_of(operator.role) {
            return Ok(());
        }
        let why = format!("'{}' has the role {}, which has rights that you do not have", operator.name, operator.role);
        Err(Error::Beyond(why))
    }

    fn has_all_of(&self, role: Role) -> bool {
        rights::within(role, None).is_subset(&self.rights)
    }

    /// Refuses what they ask if they were cast out since they asked. Gives the end of what they came in with, which
    /// nothing that they make outlives. Who comes in with what must be locked.
    pub(super) fn is_still_in(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let gone = || Error::Beyond("what you came in with was taken back meanwhile".to_owned());
        match &self.maker {
            Maker::Token(id) => Ok(tx.token(id)?.filter(|token| token.is_live(now)).ok_or_else(gone)?.expires_at),
            Maker::Operator(id) => {
                let operator = tx.operator(id)?.filter(|operator| operator.disabled_at.is_none()).ok_or_else(gone)?;
                if self.rights.is_subset(&rights::within(operator.role, None)) { Ok(None) } else { Err(gone()) }
            }
        }
    }
}

/// What somebody may be called who becomes an operator.
pub(super) fn operator_name(text: &str) -> Result<UserName, &'static str> {
    let name = UserName::parse(text).ok_or("a name has 1 to 256 characters, none of them a control character")?;
    if is_name_of_nobody(name.as_str()) {
        return Err("names that begin with 'transom:' or 'token:' are not for people");
    }
    Ok(name)
}

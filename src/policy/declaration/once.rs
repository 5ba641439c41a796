//! JSON in which no name stands twice.

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// JSON in which each name stands once: of two, readers take one without a word.
pub(super) struct Unique(pub(super) Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Unique, E> {
        Ok(Unique(truth.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Unique, E> {
        Ok(Unique(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Unique, E> {
        Ok(Unique(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Unique, E> {
        Ok(Unique(number.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Unique, E> {
        Ok(Unique(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Unique, E> {
        Ok(Unique(text.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Unique, E> {
        Ok(Unique(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Unique, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = from.next_element()? {
            items.push(item);
        }
        Ok(Unique(items.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Unique, A::Error> {
        let mut map = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("{name:?} stands there twice")));
            }
            let Unique(value) = from.next_value()?;
            map.insert(name, value);
        }
        Ok(Unique(map.into()))
    }
}

/// Reads declarations of a message, for `serde(deserialize_with)`: a setting that stands twice is refused, not lost.
pub fn each_once<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Value>, D::Error> {
    let all = Vec::<Unique>::deserialize(from)?;
    Ok(all.into_iter().map(|each| each.0).collect())
}

/// As [`each_once`], where there need not be any.
pub fn each_once_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Value>>, D::Error> {
    let all = Option::<Vec<Unique>>::deserialize(from)?;
    Ok(all.map(|all| all.into_iter().map(|each| each.0).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Message {
        #[serde(deserialize_with = "each_once")]
        declarations: Vec<Value>,
        #[serde(default, deserialize_with = "each_once_if_any")]
        others: Option<Vec<Value>>,
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_however_deep_it_stands() {
        let read = |text: &str| serde_json::from_str::<Message>(text);
        let good =
            read(r#"{"declarations": [{"a": {"b": [1, -1, 1.5, null, true, "x"]}}], "others": [{"a": 1}]}"#).unwrap();
        assert_eq!(good.declarations, [json!({"a": {"b": [1, -1, 1.5, null, true, "x"]}})]);
        assert_eq!(good.others, Some(vec![json!({"a": 1})]));
        assert_eq!(read(r#"{"declarations": []}"#).unwrap().others, None);
        for twice in [
            r#"{"declarations": [{"payload": {"settings": {"./A": 1, "./A": 2}}}]}"#,
            r#"{"declarations": [[{"./A": 1, "./A": 1}]]}"#,
            r#"{"declarations": [], "others": [{"./A": 1, "./A": 2}]}"#,
        ] {
            let error = read(twice).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("\"./A\" stands there twice"), "{error}");
        }
    }
}

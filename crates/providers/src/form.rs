//! What the fields are made of that a person fills in for a storage.

use tandem_core::storage::{Field, FieldKind};

/// A field that may be left empty, and shows what is filled in. Where it is left empty, `default` counts.
pub(crate) const fn field(
    key: &'static str,
    label: &'static str,
    kind: FieldKind,
    default: Option<&'static str>,
    help: &'static str,
) -> Field {
    Field {
        key,
        label,
        kind,
        required: false,
        secret: false,
        help,
        default,
    }
}

/// The same for a text without a default.
pub(crate) const fn text(key: &'static str, label: &'static str, help: &'static str) -> Field {
    field(key, label, FieldKind::Text, None, help)
}

/// The field, which must be filled in.
pub(crate) const fn required(mut field: Field) -> Field {
    field.required = true;
    field
}

/// The field, whose value goes into the secret store and is shown to nobody.
pub(crate) const fn secret(mut field: Field) -> Field {
    field.secret = true;
    field
}

//! Compares the three images.
use super::{Sides, Situation, equality, server_fields, three_way};
use crate::model::{Equality, Image};
use tisync_json::{Document, Object, Path, diff};

/// The three images without their server fields, and what follows from comparing them.
pub(super) struct Found<'a> {
    pub(super) sides: &'a Sides<'a>,
    pub(super) base: Option<Object>,
    pub(super) ours: Option<Object>,
    pub(super) theirs: Option<Object>,
    /// Whether they changed more than server fields.
    pub(super) they_changed: bool,
    pub(super) situation: Situation,
}

impl<'a> Found<'a> {
    pub(super) fn of(sides: &'a Sides<'a>) -> Self {
        let mut found = Found {
            sides,
            base: fields(sides.base, sides.server_fields),
            ours: fields(sides.ours, sides.server_fields),
            theirs: fields(sides.theirs, sides.server_fields),
            they_changed: false,
            situation: Situation::Same,
        };
        if let Some(theirs) = &mut found.theirs {
            for known in [&found.ours, &found.base].into_iter().flatten() {
                equality::align(theirs, known, sides.equality);
            }
        }
        found.they_changed = found.theirs != found.base;
        found.situation = found.situation();
        found
    }

    /// Our image, with their server fields and what they call equal in their words; where they have no record, without any, since it is made anew.
    pub(super) fn our_image(&self) -> Image {
        match &self.ours {
            None => Image::Gone,
            Some(_)
                if self.sides.server_fields.is_empty()
                    && self.sides.equality == Equality::default() =>
            {
                self.sides.ours.clone()
            }
            // Too large only together with their server fields: what we wrote counts.
            Some(ours) => self.image(ours).unwrap_or_else(|| self.sides.ours.clone()),
        }
    }

    /// Their image; a record that is not there any more is Gone, whatever it was called.
    pub(super) fn their_image(&self) -> Image {
        match &self.theirs {
            None => Image::Gone,
            Some(_) => self.sides.theirs.clone(),
        }
    }

    /// These fields together with their server fields; `None` when a document cannot be that large.
    ///
    /// It is built as a change of their document, so that what a push sends is exactly what differs.
    pub(super) fn image(&self, fields: &Object) -> Option<Image> {
        let (Some(document), Some(theirs)) = (self.sides.theirs.document(), &self.theirs) else {
            return self.as_received(fields);
        };
        let whole = document.object();
        let mut object = whole.clone();
        diff(theirs, fields).apply(&mut object);
        server_fields::put_back(&mut object, &whole, self.sides.server_fields);
        if object == whole {
            return Some(self.sides.theirs.clone());
        }
        self.as_received(&object)
    }

    /// An image without its server fields.
    pub(super) fn fields_of(&self, image: &Image) -> Option<Object> {
        fields(image, self.sides.server_fields)
    }

    /// The text as we have it where it says the same, else a new print.
    fn as_received(&self, object: &Object) -> Option<Image> {
        match self.sides.ours.document() {
            Some(ours) if ours.object() == *object => Some(self.sides.ours.clone()),
            _ => Document::checked_from_object(object)
                .ok()
                .map(Image::Present),
        }
    }

    fn situation(&self) -> Situation {
        let we_changed = self.ours != self.base;
        let only_server_fields = !self.they_changed && !self.sides.theirs.same(self.sides.base);
        match (we_changed, self.they_changed) {
            (false, false) if only_server_fields => Situation::TheirsOnly,
            (false, false) => Situation::Same,
            (false, true) => Situation::TheirsOnly,
            (true, false) if only_server_fields => Situation::Disjoint,
            (true, false) => Situation::OursOnly,
            (true, true) => self.both_changed(),
        }
    }

    fn both_changed(&self) -> Situation {
        let (ours, theirs) = match (&self.ours, &self.theirs) {
            (None, None) => return Situation::BothDeleted,
            (Some(_), None) => return Situation::EditedDeleted,
            (None, Some(_)) => return Situation::DeletedEdited,
            (Some(ours), Some(theirs)) => (ours, theirs),
        };
        match &self.base {
            _ if ours == theirs => Situation::Identical,
            None => Situation::BothCreated,
            Some(base) if three_way::clash(base, ours, theirs) => Situation::BothChanged,
            Some(_) => Situation::Disjoint,
        }
    }
}

pub(super) fn fields(image: &Image, server_fields: &[Path]) -> Option<Object> {
    let mut object = image.document()?.object();
    server_fields::strip(&mut object, server_fields);
    Some(object)
}

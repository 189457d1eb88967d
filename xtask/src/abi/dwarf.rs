//! Types and enumerators from debug information.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use gimli::{AttributeValue, DwTag, EndianArcSlice, RunTimeEndian, UnitOffset, constants as dw};
use object::{Object as _, ObjectSection as _};

type Slice = EndianArcSlice<RunTimeEndian>;
type Entry<'a> = gimli::DebuggingInformationEntry<Slice>;

/// All that the debug information says of the headers.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    pub(crate) types: BTreeMap<String, Layout>,
    pub(crate) enumerators: BTreeMap<String, (i128, String)>,
}

#[derive(Debug)]
pub(crate) struct Layout {
    /// Name of the type in C.
    pub(crate) c_type: String,
    pub(crate) header: String,
    pub(crate) union: bool,
    pub(crate) size: u64,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) path: String,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) c_type: String,
    /// `true` for one of several fields in one place.
    pub(crate) union: bool,
    /// First bit and width of a bit field.
    pub(crate) bits: Option<(u64, u64)>,
}

pub(crate) fn read(path: &Path) -> Result<Layouts> {
    let data = std::fs::read(path)?;
    let file = object::File::parse(&*data)?;
    let endian = RunTimeEndian::Little;
    let load = |id: gimli::SectionId| -> Result<Slice> {
        let bytes = match file.section_by_name(id.name()) {
            Some(section) => section.uncompressed_data()?.into_owned(),
            None => Vec::new(),
        };
        Ok(Slice::new(bytes.into(), endian))
    };
    let dwarf = gimli::Dwarf::load(load)?;
    let mut layouts = Layouts::default();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        Reader { dwarf: &dwarf, unit: &unit }.unit(&mut layouts)?;
    }
    Ok(layouts)
}

struct Reader<'a> {
    dwarf: &'a gimli::Dwarf<Slice>,
    unit: &'a gimli::Unit<Slice>,
}

impl Reader<'_> {
    fn unit(&self, layouts: &mut Layouts) -> Result<()> {
        let mut offsets = Vec::new();
        let mut entries = self.unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            offsets.push(entry.offset());
        }
        for offset in offsets {
            let entry = self.unit.entry(offset)?;
            let Some(header) = self.header(&entry)? else { continue };
            match entry.tag() {
                dw::DW_TAG_structure_type | dw::DW_TAG_union_type
                    if entry.attr(dw::DW_AT_declaration).is_none() =>
                {
                    if let Some(name) = self.name(&entry)?.filter(|name| !name.starts_with("__")) {
                        let keyword =
                            if entry.tag() == dw::DW_TAG_union_type { "union" } else { "struct" };
                        let c_type = format!("{keyword} {name}");
                        layouts.types.insert(name, self.layout(&entry, c_type, header)?);
                    }
                }
                dw::DW_TAG_typedef => {
                    // A type without a tag has only its typedef's name.
                    let name = self.name(&entry)?.context("a typedef without a name")?;
                    let Some(inner) = self.type_of(&entry)? else { continue };
                    let inner = self.unit.entry(inner)?;
                    if is_compound(inner.tag())
                        && self.name(&inner)?.is_none()
                        && !name.contains("guest_handle")
                        && !name.starts_with("__")
                    {
                        layouts.types.insert(name.clone(), self.layout(&inner, name, header)?);
                    }
                }
                dw::DW_TAG_enumeration_type => self.enumerators(offset, &header, layouts)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn enumerators(&self, offset: UnitOffset, header: &str, layouts: &mut Layouts) -> Result<()> {
        for child in self.children(offset, dw::DW_TAG_enumerator)? {
            let entry = self.unit.entry(child)?;
            let name = self.name(&entry)?.context("an enumerator without a name")?;
            let value = match entry.attr_value(dw::DW_AT_const_value) {
                Some(AttributeValue::Sdata(value)) => i128::from(value),
                Some(value) => {
                    i128::from(value.udata_value().context("an enumerator without a value")?)
                }
                None => continue,
            };
            layouts.enumerators.insert(name, (value, header.to_owned()));
        }
        Ok(())
    }

    fn layout(&self, entry: &Entry<'_>, c_type: String, header: String) -> Result<Layout> {
        let mut fields = Vec::new();
        let union = entry.tag() == dw::DW_TAG_union_type;
        self.fields(entry.offset(), "", 0, union, &mut fields)?;
        Ok(Layout {
            c_type,
            header,
            union,
            size: self.number(entry, dw::DW_AT_byte_size).unwrap_or(0),
            fields,
        })
    }

    fn fields(
        &self,
        of: UnitOffset,
        prefix: &str,
        base: u64,
        union: bool,
        fields: &mut Vec<Field>,
    ) -> Result<()> {
        for child in self.children(of, dw::DW_TAG_member)? {
            let member = self.unit.entry(child)?;
            let offset = base + self.number(&member, dw::DW_AT_data_member_location).unwrap_or(0);
            let type_offset = self.type_of(&member)?.context("a member without a type")?;
            let Some(name) = self.name(&member)? else {
                let inner = self.unit.entry(type_offset)?.tag() == dw::DW_TAG_union_type;
                self.fields(type_offset, prefix, offset, union || inner, fields)?;
                continue;
            };
            let path = format!("{prefix}{name}");
            let bits = self.number(&member, dw::DW_AT_bit_size).map(|width| {
                (base * 8 + self.number(&member, dw::DW_AT_data_bit_offset).unwrap_or(0), width)
            });
            let (c_type, size) = self.describe(type_offset)?;
            fields.push(Field { path: path.clone(), offset, size, c_type, bits, union });
            let element = self.element(type_offset)?;
            let element = self.unit.entry(element)?;
            if is_compound(element.tag()) && self.name(&element)?.is_none() {
                let union = element.tag() == dw::DW_TAG_union_type;
                self.fields(element.offset(), &format!("{path}."), offset, union, fields)?;
            }
        }
        Ok(())
    }

    /// Returns the type below arrays.
    fn element(&self, offset: UnitOffset) -> Result<UnitOffset> {
        let entry = self.unit.entry(offset)?;
        match entry.tag() {
            dw::DW_TAG_array_type => {
                self.element(self.type_of(&entry)?.context("an array without a type")?)
            }
            _ => Ok(offset),
        }
    }

    /// Returns a short name of a type, and its size.
    fn describe(&self, offset: UnitOffset) -> Result<(String, u64)> {
        let entry = self.unit.entry(offset)?;
        let size = self.number(&entry, dw::DW_AT_byte_size);
        Ok(match entry.tag() {
            dw::DW_TAG_base_type => {
                let size = size.unwrap_or(0);
                let letter = match entry.attr_value(dw::DW_AT_encoding) {
                    Some(AttributeValue::Encoding(dw::DW_ATE_signed | dw::DW_ATE_signed_char)) => {
                        'i'
                    }
                    Some(AttributeValue::Encoding(dw::DW_ATE_float)) => 'f',
                    _ => 'u',
                };
                (format!("{letter}{}", size * 8), size)
            }
            dw::DW_TAG_typedef => {
                let name = self.name(&entry)?.context("a typedef without a name")?;
                let inner = self.type_of(&entry)?.context("a typedef without a type")?;
                let (c_type, size) = self.describe(inner)?;
                // The name of a number has its sign.
                let number = c_type.starts_with(['i', 'u']) && c_type[1..].parse::<u32>().is_ok();
                let plain = number || self.header(&entry)?.is_none();
                let c_type = if name.contains("guest_handle") {
                    "handle".to_owned()
                } else if plain
                    || is_compound(self.unit.entry(inner)?.tag())
                        && self.name(&self.unit.entry(inner)?)?.is_some()
                {
                    c_type
                } else {
                    name
                };
                (c_type, size)
            }
            dw::DW_TAG_const_type => {
                self.describe(self.type_of(&entry)?.context("const of nothing")?)?
            }
            dw::DW_TAG_pointer_type => ("pointer".to_owned(), size.unwrap_or(0)),
            dw::DW_TAG_enumeration_type => ("enum".to_owned(), size.unwrap_or(0)),
            dw::DW_TAG_array_type => {
                let (mut c_type, mut size) =
                    self.describe(self.type_of(&entry)?.context("an array of nothing")?)?;
                for child in self.children(offset, dw::DW_TAG_subrange_type)? {
                    let range = self.unit.entry(child)?;
                    let count = self
                        .number(&range, dw::DW_AT_count)
                        .or_else(|| {
                            self.number(&range, dw::DW_AT_upper_bound)
                                .map(|last| last.wrapping_add(1))
                        })
                        .unwrap_or(0);
                    c_type = format!("{c_type}[{count}]");
                    size *= count;
                }
                (c_type, size)
            }
            tag => (
                self.name(&entry)?.unwrap_or_else(|| {
                    format!("{tag}").replace("DW_TAG_", "").replace("_type", "")
                }),
                size.unwrap_or(0),
            ),
        })
    }

    fn children(&self, of: UnitOffset, tag: DwTag) -> Result<Vec<UnitOffset>> {
        let mut tree = self.unit.entries_tree(Some(of))?;
        let mut children = tree.root()?.children();
        let mut found = Vec::new();
        while let Some(child) = children.next()? {
            if child.entry().tag() == tag {
                found.push(child.entry().offset());
            }
        }
        Ok(found)
    }

    fn type_of(&self, entry: &Entry<'_>) -> Result<Option<UnitOffset>> {
        Ok(match entry.attr_value(dw::DW_AT_type) {
            Some(AttributeValue::UnitRef(offset)) => Some(offset),
            _ => None,
        })
    }

    fn number(&self, entry: &Entry<'_>, name: gimli::DwAt) -> Option<u64> {
        entry.attr_value(name)?.udata_value()
    }

    fn name(&self, entry: &Entry<'_>) -> Result<Option<String>> {
        match entry.attr_value(dw::DW_AT_name) {
            Some(value) => {
                let text = self.dwarf.attr_string(self.unit, value)?;
                Ok(Some(String::from_utf8_lossy(text.bytes()).into_owned()))
            }
            None => Ok(None),
        }
    }

    /// Returns the public header that declares an entry; `None` for the compiler's own.
    fn header(&self, entry: &Entry<'_>) -> Result<Option<String>> {
        let Some(AttributeValue::FileIndex(index)) = entry.attr_value(dw::DW_AT_decl_file) else {
            return Ok(None);
        };
        let Some(program) = &self.unit.line_program else { return Ok(None) };
        let Some(file) = program.header().file(index) else { return Ok(None) };
        let mut path = String::new();
        if let Some(folder) = file.directory(program.header()) {
            path.push_str(&String::from_utf8_lossy(
                self.dwarf.attr_string(self.unit, folder)?.bytes(),
            ));
            path.push('/');
        }
        path.push_str(&String::from_utf8_lossy(
            self.dwarf.attr_string(self.unit, file.path_name())?.bytes(),
        ));
        Ok(super::describe::header_name(&path))
    }
}

fn is_compound(tag: DwTag) -> bool {
    tag == dw::DW_TAG_structure_type || tag == dw::DW_TAG_union_type
}

"""Forms as browsers send them: urlencoded text and multipart bodies, to values and files."""

from brubeck_wsgi.formdata.streaming import DEFAULT_LIMITS, FormLimits, StreamedPart, decode_text, stream_parts
from brubeck_wsgi.formdata.uploads import UploadedFile, parse_multipart
from brubeck_wsgi.formdata.urlencoded import MOST_FIELDS, Arguments, parse_urlencoded

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

__all__ = [
    "DEFAULT_LIMITS",
    "MOST_FIELDS",
    "MULTIPART",
    "URLENCODED",
    "Arguments",
    "FormLimits",
    "StreamedPart",
    "UploadedFile",
    "decode_text",
    "parse_multipart",
    "parse_urlencoded",
    "stream_parts",
]

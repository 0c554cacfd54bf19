"""The front before `gftp`: notes which files a requestor script sends and receives, and passes everything on."""

"""The installed program as a public pod: what is in it (`contents`), how it is built again (`backend`), sharing it
(`persist`)."""

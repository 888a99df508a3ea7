"""The watcher: compares the books of all ledgers, says what is wrong, and may stop a lane; it moves nothing.

Start reading at `facts` (what it looks at), then `alarms` (what is wrong, decided purely).
"""

# Included once the program is a target.
find_program(NODE node)
function(slipstream_node_test name label file)
  add_test(NAME ${name} COMMAND ${NODE} --test ${CMAKE_SOURCE_DIR}/web/test/${file})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 180
    ENVIRONMENT "SLIPSTREAM_BIN=$<TARGET_FILE:slipstream>")
endfunction()
slipstream_node_test(browser.dashboard browser dashboard.test.mjs)
slipstream_node_test(browser.websocket browser chromium.test.mjs)
slipstream_node_test(live.protocol integration live.test.mjs)
slipstream_node_test(live.errors integration errors.test.mjs)
slipstream_node_test(live.closing integration close.test.mjs)
slipstream_node_test(live.members integration members.test.mjs)
slipstream_node_test(live.resume integration resume.test.mjs)
slipstream_node_test(live.silence integration silence.test.mjs)
slipstream_node_test(security.websocket integration edge.test.mjs)
slipstream_node_test(clients.influx integration influx.test.mjs)
slipstream_node_test(clients.foxglove integration foxglove.test.mjs)

# Clients for Python are in an environment of their own, which ./dev test makes where it can: without it the test is
# skipped, and says so.
function(slipstream_python_test name file)
  add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/clients/run ${file} $<TARGET_FILE:slipstream>)
  set_tests_properties(${name} PROPERTIES LABELS integration TIMEOUT 180 SKIP_RETURN_CODE 77)
endfunction()
slipstream_python_test(clients.influx_python influx_clients.py)
slipstream_python_test(clients.mcap mcap_files.py)
slipstream_python_test(clients.mcap_replay mcap_replay.py)
slipstream_python_test(clients.ibt ibt_files.py)

Feature: Codes by one-time-password-sms
# In our own words; steps are spelled as in CAMARA's files, so that those run with the same steps.

  Background: A client with a token
    Given an environment at "apiRoot"
    And the resource "/one-time-password-sms/vwip/validate-code"
    And the header "Content-Type" is set to "application/json"
    And the header "Authorization" is set to a valid access token
    And the header "x-correlator" complies with the schema at "#/components/schemas/XCorrelator"
    And the request body is set by default to a request body compliant with the schema

  Scenario: A person types in what the SMS says
    Given an authenticationId has been retrieved from a send-code request
    And the request body property "$.code" is set to the value received in the SMS
    When the HTTP "POST" request is sent
    Then the response status code is 204
    And the response property "$.status" is 204
    And the response header "x-correlator" has same value as the request header "x-correlator"

  Scenario: A person mistypes it
    Given request body property "$.authenticationId" is set to the value from send-code request
    And the request body property "$.code" is set to a value distinct from the value received in the SMS
    When the response property "$.status" is 400
    And the response property "$.code" is "ONE_TIME_PASSWORD_SMS.INVALID_OTP"
    And the response property "$.message" contains a user friendly text

  Scenario: A person mistypes it once too often
    Given an authenticationId has been retrieved from a send-code request
    And (config_var:"max_try"-1) calls with the request body property "$.code" set to a value distinct from the value received in the SMS were performed
    When the HTTP "POST" request is sent
    Then tthe response property "$.status" is 400
    And the response property "$.code" is "ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED"

  Scenario: A code is too old
    Given request body property "$.authenticationId" is set to the value from send-code request
    And the request body property "$.code" is set to the received in the SMS
    And the time elapsed since the send-code exceed the allowed time
    When the HTTP "POST" request is sent
    Then the response property "$.code" is "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED"

  Scenario: A newer code replaces an older one
    Given Two send-code request has been sequentially triggered for the same phoneNumber
    And request body property "$.authenticationId" is set to the value got for the first send-code request
    And the request body property "$.code" is set to the received in the SMS for this first request
    When the HTTP "POST" request is sent
    Then the response property "$.code" is "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED"

  Scenario: A code is used twice
    Given a validate-code has been succesfully performed for a authenticationId
    And request body property "$.authenticationId" is valued again with this authenticationId
    And the request body property "$.code" is set to the code received in the SMS
    When the HTTP "POST" request is sent
    Then the response property "$.code" is "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED"

  Scenario Outline: Nobody without a token asks
    Given the header "Authorization" is <what>
    When the HTTP "POST" request is sent
    Then the response property "$.status" is 401
    And the response property "$.code" is "UNAUTHENTICATED"

    Examples:
      | what                              |
      | removed                           |
      | set to an expired access token    |
      | set to an invalid access token    |

  Scenario: A request without what it needs
    Given the request body property "$.authenticationId" is not valued
    And the request body property "$.code" is set to a format valid value
    When the HTTP "POST" request is sent
    Then the response property "$.code" is "INVALID_ARGUMENT"

  Scenario: An id that nobody gave
    Given the request body property "$.authenticationId" is set to an unknown value
    And the header "Authorization" is set
    When the HTTP "POST" request is sent
    Then the response property "$.code" is "NOT_FOUND"

  Scenario Outline: No request at all
    Given the request body is <what>
    When the HTTP "POST" request is sent
    Then the response property "$.code" is "INVALID_ARGUMENT"

    Examples:
      | what         |
      | not included |
      | set to "{}"  |

  Scenario: A code is sent
    Given the resource "/one-time-password-sms/vwip/send-code"
    And the request body is set by default to a request body compliant with the schema
    And the request body property "$.phoneNumber" is set to config_var: "phone_number"
    And the request body property "$.message" is set to config_var: "message"
    When the HTTP "POST" request is sent
    Then the response status code is 200
    And the response property "$.status" is 200
    And the response header "Content-Type" is "application/json"
    And the response body complies with the OAS schema at "/components/schemas/SendCodeResponse"

  Scenario: A phone gets no more codes
    Given the resource "/one-time-password-sms/vwip/send-code"
    And the request body is set by default to a request body compliant with the schema
    And (config_var:"max_send"-1) of send-code requests for this phone number has been submitted
    When the HTTP "POST" request is sent
    Then the response status code is 403
    And the response property "$.code" is "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED"

  Scenario Outline: A number gets no code
    Given the resource "/one-time-password-sms/vwip/send-code"
    And the request body is set by default to a request body compliant with the schema
    And the request body property "$.phoneNumber" is set to a phone number that <what>
    When the HTTP "POST" request is sent
    Then the response status code is <status>
    And the response property "$.code" is "<code>"

    Examples:
      | what                           | status | code                                           |
      | cannot receive SMS             | 403    | ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED |
      | target a landline              | 403    | ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED |
      | has an active SMS barring      | 403    | ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_BLOCKED     |
      | did not belong to the operator | 404    | NOT_FOUND                                      |

  Scenario: A text is too long, and one has no place for the code
    Given the resource "/one-time-password-sms/vwip/send-code"
    And the request body is set by default to a request body compliant with the schema
    And the request body property "$.message" is longer than 160
    When the HTTP "POST" request is sent
    Then the response status code is 400
    Given the request body property "$.message" is set to "no place for it"
    When the HTTP "POST" request is sent
    Then the response property "$.code" is "INVALID_ARGUMENT"
